"""The networks of the course, trained for real: each at most 30 minutes of two cores, stated beside its score.

The minutes are those of the processor, shared out over two cores, so that other work on the machine costs no network
its score.

    python benchmarks/course.py [zfnet|googlenet|segnet|deconvnet|deeplab_v1|deeplab_v2|fcn|vnet|localizer ...]
        --data DATA [--minutes 30] [--epochs N] [--threads 2] [--keep FOLDER]

Without a name all of them are trained, one after the other. A training whose minutes are over keeps its best network.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import visus
from visus.ops import crf
from visus.tasks import pixel_metrics

CORES = 2
"""Whose minutes are counted."""

Score = Callable[[visus.Run], str]


class TimeUp(Exception):
    """The minutes of a training are over."""


def accuracy(run: visus.Run) -> str:
    """Of a classifier, on the test split."""
    return f"accuracy {run.evaluate(split='test').top1:.2%}"  # pyright: ignore


def overlap(run: visus.Run) -> str:
    """Of a segmenter, on the test split."""
    found: Any = run.evaluate(split="test")
    return f"mean IoU {found.mean_iou:.2%}, pixels {found.pixel_accuracy:.2%}"


def with_crf(run: visus.Run) -> str:
    """Of a segmenter, without its CRF and with it."""
    found: Any = run.evaluate(split="test", crf_settings=crf.Settings())
    return f"{overlap(run)}; with CRF {found.mean_iou:.2%}"


def dice(run: visus.Run) -> str:
    """Of a segmenter of volumes: each structure, and their mean."""
    found: Any = run.evaluate(split="test")
    each = " / ".join(f"{value:.3f}" for value in found.dices[1:])
    return f"Dice {each}, mean {pixel_metrics.mean(found.dices[1:]):.3f}"


def located(run: visus.Run) -> str:
    """Of a localizer: class and box right, and the mean overlap."""
    found: Any = run.evaluate(split="test")
    own = found.localization
    return f"localized {own.localized:.2%}, mean IoU {own.mean_iou:.2%}"


@dataclass(frozen=True)
class Training:
    """A network of the course, and how it is trained.

    Attributes:
        task: Of ``visus train``.
        data: Folder below the data sets.
        score: What is printed of it.
        stages: Settings of each training; each begins with the weights of the one before.
    """

    task: str
    data: str
    score: Score
    stages: Sequence[dict[str, Any]] = field(default_factory=list)


_CAMVID: dict[str, Any] = {"ignore": ("11",), "window": (224, 224), "batch_size": 4}
_RANDOM: dict[str, Any] = {**_CAMVID, "weights": "none", "windows": 1, "epochs": 60}
_LITE: dict[str, Any] = {**_CAMVID, "backbone": "efficientnet_lite0"}
_SCRATCH: dict[str, Any] = {"mode": "scratch", "size": 128, "epochs": 60, "augment": "light"}

TRAININGS: dict[str, Training] = {
    "zfnet": Training("classify", "flowers5", accuracy, [{**_SCRATCH, "net": "zfnet"}]),
    "googlenet": Training("classify", "flowers5", accuracy, [{**_SCRATCH, "net": "googlenet_paper"}]),
    "segnet": Training("segment", "camvid", overlap, [{**_RANDOM, "net": "segnet", "width": 16}]),
    "deconvnet": Training("segment", "camvid", overlap, [{**_RANDOM, "net": "deconvnet", "width": 8}]),
    "deeplab_v1": Training("segment", "camvid", with_crf, [{**_LITE, "net": "deeplab", "epochs": 30}]),
    "deeplab_v2": Training("segment", "camvid", with_crf, [{**_LITE, "net": "deeplab", "head": "aspp", "epochs": 30}]),
    "fcn": Training(
        "segment",
        "camvid",
        overlap,
        [{**_LITE, "net": net, "epochs": epochs} for net, epochs in (("fcn32s", 16), ("fcn16s", 8), ("fcn8s", 8))],
    ),
    "vnet": Training(
        "segment",
        "hippocampus",
        dice,
        [{"net": "vnet", "loss": "cross_entropy+dice", "batch_norm": True, "width": 8, "windows": 1, "epochs": 60}],
    ),
    "localizer": Training("localize", "bccd", located, [{"crops": True, "side": 96, "epochs": 18}]),
}
"""By the names of the command line; what is narrower than in its paper says so in its width."""


def trained(
    training: Training, data: Path, runs: Path, minutes: float, most: int | None = None
) -> tuple[visus.Run, float, int, bool]:
    """Train all stages within some minutes.

    Args:
        training: What is trained.
        data: Where the data sets are.
        runs: Where runs are kept.
        minutes: Of two cores, for all stages together.
        most: Epochs of each stage; None for its own.

    Returns:
        The last run, the seconds of the processor that it took, the epochs of all stages, and whether time was up.
    """
    started, epochs, up = time.process_time(), 0, False
    before: dict[str, Any] = {}

    def watch(progress: Any) -> None:
        if time.process_time() - started > CORES * 60 * minutes and progress.phase == "training":
            raise TimeUp

    for stage in training.stages:
        settings = stage if most is None else {**stage, "epochs": most}
        folders = set((runs / training.task).glob("*"))
        try:
            run = visus.train(
                training.task, data / training.data, runs=runs, progress=watch, say=lambda _: None, **settings, **before
            )
        except TimeUp:
            up = True
            (folder,) = set((runs / training.task).glob("*")) - folders
            if not before or (folder / "best.safetensors").exists():  # else the stage before has the best network
                run = visus.Run(folder)
        epochs += _epochs(run)
        before = {"weights": str(run.folder)}
        if up:
            break
    return run, time.process_time() - started, epochs, up


def _epochs(run: visus.Run) -> int:
    """How many were finished; the file of measures comes with the first."""
    measures = run.folder / "metrics.csv"
    return len(measures.read_text().splitlines()) - 1 if measures.exists() else 0


def main() -> None:
    """Train what is named, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TRAININGS))
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VISUS_DATA"), required="VISUS_DATA" not in os.environ
    )
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--epochs", type=int, help="of each stage, in place of its own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    said = parser.parse_args()
    if strange := [name for name in said.names if name not in TRAININGS]:
        parser.error(f"there is no network {strange[0]}; known: {', '.join(TRAININGS)}")
    torch.set_num_threads(said.threads)
    with tempfile.TemporaryDirectory() as place:
        for name in said.names or TRAININGS:
            training = TRAININGS[name]
            run, seconds, epochs, up = trained(
                training, Path(said.data), said.keep or Path(place), said.minutes, said.epochs
            )
            ended = "time was up" if up else "to the end"
            cost = f"{epochs} epochs, {seconds / CORES / 60:.1f} minutes of {CORES} cores, {ended}"
            ready = (run.folder / "best.safetensors").exists()
            score = training.score(run) if ready else "nothing to measure yet"
            print(f"{name:12} {training.data:12} {score:58} {cost}", flush=True)


if __name__ == "__main__":
    main()
