"""Search for the weights, widths and compatibility of the dense CRF of a segmenter, on the val split.

The answers of the network are computed once; each trial draws weights and widths uniformly in the logarithm, refines
all answers, and is judged by the mean IoU. From the best, the compatibility is learned, and kept if it is better still.
"""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch
from numpy.typing import NDArray

from visus._errors import InputError, RunError
from visus._files import write_atomically
from visus.ops import crf, crf_learning
from visus.runs.record.folder import CONFIG, is_run, settings_in, summary_of
from visus.runs.record.settings import read_toml
from visus.runs.segment.predict import SegmentPredictor
from visus.runs.segment.prediction import as_bytes
from visus.runs.segment.resolve import load
from visus.runs.segment.settings import SegmentSettings
from visus.tasks import pixel_metrics

FILE = "crf.toml"
_MOST_PICTURES = 12
_ITERATIONS = 5
_STEPS = 8  # of the compatibility
_RANGES = {
    "appearance": (0.3, 20.0),
    "alpha": (4.0, 100.0),
    "beta": (2.0, 30.0),
    "smoothness": (0.1, 10.0),
    "gamma": (0.7, 5.0),
}


def crf_of(run: str | os.PathLike[str]) -> crf.Settings:
    """What :func:`tune_crf` found for a run; the defaults where it was not tuned.

    A run of visus 0.1, and what was tuned by it, keeps the order of axes that it had there: it answers as it did.

    Raises:
        InputError: The file is damaged.
    """
    place = Path(run)
    path = (place if place.is_dir() else place.parent) / FILE
    if not path.is_file():
        summary = summary_of(path.parent)
        return crf.Settings(order="yx" if summary and "decoder" not in summary else "xy")
    values: dict[str, Any] = {"order": "yx", **read_toml(path)}  # 0.1 did not say it
    known = {field.name for field in dataclasses.fields(crf.Settings)}
    rows = values.get("compatibility", [])
    fine = (
        values.keys() <= known
        and isinstance(values.get("iterations", 0), int)
        and all(_is_number(value) for name, value in values.items() if name not in ("compatibility", "order"))
        and isinstance(rows, list)
        and all(isinstance(row, list) and all(map(_is_number, row)) for row in rows)
    )
    if not fine:
        raise InputError(f"{path} must hold numbers for {', '.join(sorted(known))}; mend it, or tune anew.")
    return crf.Settings(**{**values, "compatibility": tuple(map(tuple, rows)) or None})


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def tune_crf(
    run: str | os.PathLike[str], *, trials: int = 30, seed: int = 0, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Search at random, and write the best settings into the run.

    Args:
        run: A run's folder of the task ``segment``.
        trials: How many settings are tried, beside the network without a CRF.
        seed: Of what is drawn, and of the pictures, of which at most a dozen are taken.
        say: Told each trial that is better than those before.

    Returns:
        The file ``crf.toml``.

    Raises:
        RunError: It is no such run.
        InputError: Its data cannot be used.
    """
    folder = Path(run)
    if not is_run(folder):
        raise RunError(f"{folder} is no run; train one with visus train segment, or check the path.")
    task = read_toml(folder / CONFIG).get("task")
    if task != SegmentSettings.task:
        raise RunError(f"{folder} is a run of the task {task}; a CRF refines a segmenter.")
    settings = settings_in(folder, SegmentSettings)
    if trials < 1:
        raise InputError(f"There must be at least 1 trial, not {trials}.")
    dataset = load(settings)
    random = np.random.default_rng(seed)
    val = dataset.splits["val"]
    places = np.sort(random.permutation(len(val))[:_MOST_PICTURES]).tolist()
    segmenting = SegmentPredictor(folder)
    samples = [_Sample(*val.read(place), segmenting) for place in places]
    best, best_score = None, _score(samples, None, len(dataset.classes))
    say(f"without a CRF: mean IoU {best_score:.2%} on {len(samples)} pictures of val")
    for number in range(trials):
        drawn: dict[str, Any] = {
            k: float(f"{np.exp(random.uniform(np.log(a), np.log(b))):.3g}") for k, (a, b) in _RANGES.items()
        }
        how = crf.Settings(**drawn, iterations=_ITERATIONS)
        score = _score(samples, how, len(dataset.classes))
        if score > best_score:
            best, best_score = how, score
            words = ", ".join(f"{name} {value:g}" for name, value in drawn.items())
            say(f"trial {number}: mean IoU {score:.2%}: {words}")
    if best is None:
        say("No trial is better than the network without a CRF; the file says 0 iterations.")
        best = crf.Settings(iterations=0)
    else:
        examples = [crf_learning.Example(s.answer, s.picture, s.mask.numpy()) for s in samples]
        for step, how in enumerate(crf_learning.learn_compatibility(examples, best, rounds=_STEPS), 1):
            score = _score(samples, how, len(dataset.classes))
            if score > best_score:
                best, best_score = how, score
                say(f"compatibility, step {step}: mean IoU {score:.2%}")
    path = folder / FILE
    values = {name: value for name, value in dataclasses.asdict(best).items() if value is not None}
    write_atomically(path, tomli_w.dumps(values).encode())
    return path


class _Sample:
    """A picture with its mask and the network's answer, at most 512 positions on each side."""

    def __init__(self, picture: NDArray[Any], mask: NDArray[np.uint8], segmenting: SegmentPredictor) -> None:
        part = tuple(slice(max(0, (n - 512) // 2), max(0, (n - 512) // 2) + 512) for n in mask.shape)
        self.picture, self.mask = as_bytes(picture)[part], torch.from_numpy(np.ascontiguousarray(mask[part]))
        self.answer = segmenting.raw_probabilities(np.ascontiguousarray(picture[part]))


def _score(samples: list[_Sample], how: crf.Settings | None, classes: int) -> float:
    """Mean IoU over all samples."""
    total = np.zeros((classes, classes), np.int64)
    for sample in samples:
        refined = sample.answer if how is None else crf.refine(sample.answer, sample.picture, how)
        total += pixel_metrics.confusion(torch.from_numpy(refined.argmax(0)), sample.mask, classes).numpy()
    return pixel_metrics.mean(pixel_metrics.ious(total))
