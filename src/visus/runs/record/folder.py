"""The folder of a run: the names of its files, and how they are read and written.

config.toml        every setting, so that it can be repeated
best.safetensors   the network that was best on the val split, with its preprocessing and classes
last.ckpt          what a stopped training goes on from; gone when it is finished
metrics.csv        one line for each epoch
curves.png         losses, accuracies and the learning rate
health.png         gradients, updates and dead units of each layer
confusion.png      which classes are taken for which, on the val split
answers.jpg        of a segmenter: its answers to some pictures of val
precision.png      of a detector: precision over recall of each class
mistakes.jpg       of a detector: what it missed and what it found where nothing is
seen.npy           hashes of the pictures that it was trained on
summary.json       what came of it
tensorboard, mlflow, wandb
                   folders of the loggers that the training was to tell
card.md            for whoever is handed the network: data, measures, worst classes, robustness, license
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus.images.decode import DECODER
from visus.runs.record.settings import Kind, read_values

CONFIG, SUMMARY, METRICS = "config.toml", "summary.json", "metrics.csv"
BEST, LAST, SEEN, PLAN = "best.safetensors", "last.ckpt", "seen.npy", "plan.json"


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    return (folder / CONFIG).is_file()


def decoded_before(folder: Path) -> str | None:
    """A sentence where a run was trained on pictures that an earlier visus decoded, and None for any other."""
    summary = summary_of(folder) if is_run(folder) else {}
    if not summary or summary.get("decoder", 1) >= DECODER:
        return None
    return (
        f"{folder} was trained by an earlier visus: pictures with color profiles or other colors than sRGB, TIFF "
        "of other kinds than plain 8 bits, odd PNG, GIF and JPEG 2000, and HEIC and JPEG XL that EXIF turns are "
        "decoded otherwise now. If there are such pictures, train anew."
    )


def summary_of(folder: Path) -> dict[str, Any]:
    """What came of a run; empty while nothing has.

    Raises:
        RunError: The file is damaged.
    """
    path = folder / SUMMARY
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it.") from error


def settings_in(folder: Path, kind: type[Kind]) -> Kind:
    """How a run was trained.

    Args:
        folder: The run's folder.
        kind: The settings of its task.

    Raises:
        InputError: The file is missing or damaged, or is of another task.
        RunError: It does not say on which data.
    """
    values = read_values(folder / CONFIG, kind)
    if "data" not in values:
        raise RunError(f"{folder / CONFIG} has no line data = ...; put it back.")
    return kind(**values)


def settings_beside(weights: Path, kind: type[Kind]) -> Kind | None:
    """How a network was trained; None where its file lies alone, whatever is beside it.

    Args:
        weights: Its file; that of a run is called ``best.safetensors``.
        kind: The settings of its task.

    Raises:
        InputError: The file of the settings is damaged, or is of another task.
        RunError: It does not say on which data.
    """
    return settings_in(weights.parent, kind) if weights.name == BEST and is_run(weights.parent) else None


def new_folder(task: str, name: str, *, root: str | os.PathLike[str] = "runs") -> Path:
    """Make ``ROOT/TASK/NAME-N`` with the first number that is free.

    Raises:
        RunError: It cannot be made.
    """
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"
    parent = Path(root) / task
    try:
        parent.mkdir(parents=True, exist_ok=True)
        taken = [int(m[1]) for p in parent.iterdir() if (m := re.fullmatch(re.escape(plain) + r"-(\d+)", p.name))]
        number = max(taken, default=0) + 1
        while True:
            try:
                (parent / f"{plain}-{number}").mkdir()
                return parent / f"{plain}-{number}"
            except FileExistsError:
                number += 1
    except OSError as error:
        raise RunError(f"{parent} cannot be made ({error.strerror}); choose another place with --runs.") from error


def make_folder(folder: Path) -> None:
    """Make the folder that ``--out`` names.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made ({error.strerror}); choose another with --out.") from error


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values; the file appears whole or not at all."""
    write_atomically(
        path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
    )
