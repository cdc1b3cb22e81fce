"""Trainings and studies of a folder as they are on the disk, also while they run."""

import csv
import io
import json
import time
import tomllib
from pathlib import Path
from typing import Any

from visus.server.refusals import Missing

_MOST = 200  # trainings and studies that are listed
_ROWS = 5000  # of a table
_LONG = 10_000_000  # bytes of a file that is read
_SILENT = 300.0  # seconds without a new epoch after which a training has stopped, or ten epochs if these take longer

_CONFIG, _SUMMARY, _METRICS = "config.toml", "summary.json", "metrics.csv"
_STUDY, _LOG, _TRIALS = "study.json", "study.log", "trials.csv"


def trainings(folder: Path) -> list[dict[str, Any]]:
    """What is in a folder of runs, the newest first.

    Args:
        folder: As ``visus train --runs`` has it: each run and study lies in ``TASK/NAME``.

    Returns:
        For each its ``name`` (``TASK/NAME``), ``task`` (``tune`` for a study), ``status``: ``running``, ``finished`` or
        ``stopped``, ``done`` epochs or trials, of ``total`` (None where that is not known), and the ``best`` score.
    """
    found = sorted(_folders(folder).items(), key=lambda own: _changed(own[1]), reverse=True)
    return [_about(name, place) for name, place in found[:_MOST]]


def training(folder: Path, name: str) -> dict[str, Any]:
    """What a training or a study has come to so far.

    Args:
        folder: The folder of runs.
        name: As :func:`trainings` gives it.

    Returns:
        What :func:`trainings` says of it, and ``columns`` and ``rows`` of its table: one row an epoch or a trial.

    Raises:
        Missing: There is none.
    """
    place = _folders(folder).get(name)
    if place is None:
        raise Missing(f"There is no training {name[:200]!r} here; see /trainings.")
    columns, rows = _table(place)
    return {**_about(name, place), "columns": columns, "rows": rows}


def metrics(place: Path) -> dict[str, Any]:
    """``columns`` and ``rows`` of the table of a run: one row an epoch; no rows where it has none.

    Args:
        place: Its folder.
    """
    columns, rows = _table(place)
    return {"columns": columns, "rows": rows}


def _folders(folder: Path) -> dict[str, Path]:
    """Folders of runs and studies by their names; links lead nowhere."""
    found = {}
    for place in folder.glob("*/*"):
        is_own = place.is_dir() and not place.is_symlink() and not place.parent.is_symlink()
        if is_own and any((place / name).is_file() for name in (_CONFIG, _STUDY, _TRIALS)):
            found[f"{place.parent.name}/{place.name}"] = place
    return found


def _changed(place: Path) -> float:
    """When a training or a study last went on, in seconds since 1970; before the first epoch, when it began."""
    for name in (_METRICS, _LOG, _TRIALS, _CONFIG, _STUDY):
        try:
            return (place / name).stat().st_mtime
        except OSError:
            continue
    return 0.0


def _about(name: str, place: Path) -> dict[str, Any]:
    columns, rows = _table(place)
    task = name.split("/", 1)[0]
    if task == "tune":
        return _study(name, place, columns, rows)
    config, summary = _toml(place / _CONFIG), _json(place / _SUMMARY)
    score = next((column for column in columns if column.startswith("val_") and column != "val_loss"), None)
    at = columns.index(score) if score else 0
    scores = [row[at] for row in rows if score and isinstance(row[at], float)]
    total = config.get("epochs")
    return {
        "name": name,
        "task": task,
        "status": _status(place, summary.get("status"), rows),
        "done": len(rows),
        "total": total if isinstance(total, int) else None,
        "best": max(scores, default=None),
        "score": score.removeprefix("val_") if score else None,
    }


def _study(name: str, place: Path, columns: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    """A study of ``visus tune``; those of visus 0.1 do not say how many trials are wanted.

    A trial that failed is made up for by another one.
    """
    wanted = _json(place / _STUDY).get("trials")
    total = wanted if isinstance(wanted, int) else None
    scores = [row[-1] for row in rows if isinstance(row[-1], float)]
    failed = sum(row[columns.index("state")] == "fail" for row in rows) if "state" in columns else 0
    done = len(rows) - failed
    said = "finished" if total is not None and done >= total else None
    return {
        "name": name,
        "task": "tune",
        "status": _status(place, said, rows),
        "done": done,
        "total": total,
        "best": max(scores, default=None),
        "score": "score",
    }


def _status(place: Path, said: str | None, rows: list[list[Any]]) -> str:
    if said == "finished":
        return "finished"
    lasted = [row[-1] for row in rows if isinstance(row[-1], float)] if said else []
    patience = max(_SILENT, 10 * max(lasted, default=0.0))
    return "running" if time.time() - _changed(place) < patience else "stopped"


def _table(place: Path) -> tuple[list[str], list[list[Any]]]:
    """Names of columns, and rows of numbers and words; the last row may be half written, and is left out then."""
    for name in (_METRICS, _TRIALS):
        if (place / name).is_file():
            lines = list(csv.reader(io.StringIO(_text(place / name))))
            columns = lines[0] if lines else []
            rows = [[_cell(cell) for cell in line] for line in lines[1 : _ROWS + 1] if len(line) == len(columns)]
            return columns, rows
    return [], []


def _cell(text: str) -> float | str | None:
    try:
        number = float(text)
    except ValueError:
        return text or None
    return number if abs(number) < float("inf") else None  # JSON has no NaN


def _text(path: Path) -> str:
    """A small file; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LONG)
    except OSError:
        return ""


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError:
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
