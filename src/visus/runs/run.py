"""A run: the folder of a training.

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
summary.json       what came of it
"""

import functools
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visus._errors import InputError, RunError
from visus.images.io import write_atomically
from visus.nets import trained
from visus.runs.learning import Learning, read_toml, read_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


CONFIG, SUMMARY, METRICS, LAST, SEEN = "config.toml", "summary.json", "metrics.csv", "last.ckpt", "seen.npy"


class Run:
    """A training and all that came of it.

    Args:
        folder: Its folder.

    Raises:
        RunError: There is no run.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        if not (self.folder / CONFIG).is_file():
            raise RunError(
                f"{self.folder} is no run ({CONFIG} is missing); train one with visus train, or check the path."
            )

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @functools.cached_property
    def task(self) -> str:
        """``"classify"``, ``"segment"`` or ``"detect"``.

        Raises:
            InputError: The file is damaged.
        """
        return str(read_toml(self.folder / CONFIG).get("task", "classify"))

    @functools.cached_property
    def settings(self) -> Any:  # noqa: ANN401 - the settings of its task
        """How it was trained.

        :class:`visus.runs.Settings`, :class:`visus.runs.LocalizeSettings`, :class:`visus.runs.SegmentSettings` or
        :class:`visus.runs.DetectSettings`.

        Raises:
            InputError: The file is damaged.
        """
        kind = _settings_of(self.task)
        values = read_values(self.folder / CONFIG, kind)
        if "data" not in values:
            raise RunError(f"{self.folder / CONFIG} has no line data = ...; put it back.")
        return kind(**values)

    @property
    def summary(self) -> dict[str, Any]:
        """What came of it; empty while nothing has.

        Raises:
            RunError: The file is damaged.
        """
        path = self.folder / SUMMARY
        if not path.is_file():
            return {}
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{path} is damaged ({error}); delete it.") from error

    @property
    def finished(self) -> bool:
        """Whether the training came to its end."""
        return self.summary.get("status") == "finished"

    def load(self) -> Any:  # noqa: ANN401 - a network of its task
        """The best network of the run.

        Raises:
            RunError: There is none, or it is damaged.
        """
        if self.task == "segment":
            from visus.nets.segmentation import trained as of_segmenters

            return of_segmenters.read(self.folder)
        if self.task in ("detect", "localize"):
            from visus.nets.detection import trained as of_detectors

            return of_detectors.read(self.folder)
        return trained.read(self.folder)

    def evaluate(
        self,
        data: str | os.PathLike[str] | None = None,
        *,
        split: str | None = None,
        **options: Any,  # noqa: ANN401 - of the task
    ) -> Any:  # noqa: ANN401 - the measures of its task
        """Measure the network on labelled pictures, or on pictures with masks or boxes.

        See :func:`visus.runs.evaluate.evaluate`, :func:`visus.runs.segment_evaluate.evaluate` and
        :func:`visus.runs.detect_evaluate.evaluate` for the options.
        """
        if self.task == "segment":
            from visus.runs import segment_evaluate

            return segment_evaluate.evaluate(self.folder, data, split=split, **options)
        if self.task in ("detect", "localize"):
            from visus.runs import detect_evaluate

            return detect_evaluate.evaluate(self.folder, data, split=split, **options)
        from visus.runs.evaluate import evaluate

        return evaluate(self.folder, data, split=split, **options)

    def predict(
        self,
        picture: "str | os.PathLike[str] | NDArray[np.uint8]",
        **options: Any,  # noqa: ANN401 - of the task
    ) -> Any:  # noqa: ANN401 - the answer of its task
        """The likeliest classes of a picture, the class of each of its positions, or its objects.

        See :meth:`visus.runs.predict.Predictor.predict`, :class:`visus.runs.segment_predict.Segmenting` and
        :class:`visus.runs.detect_predict.Detecting`.
        """
        from visus.runs.answers import network_of

        if self.task == "classify":
            return network_of(self.folder, self.task).predict(picture, **options)
        return network_of(self.folder, self.task, **options).predict(picture)

    def export(self, form: str = "onnx", path: str | os.PathLike[str] | None = None) -> Path:
        """Write the network for other programs (see :func:`visus.runs.export.export`)."""
        from visus.runs.export import export

        return export(self.folder, form, path)

    def resume(self, data: str | os.PathLike[str] | None = None) -> "Run":
        """Go on with a stopped training (see :func:`visus.runs.training.resume`)."""
        from visus.runs.training import resume

        return resume(self.folder, data)


def _settings_of(task: str) -> type[Learning]:
    """The settings of a task.

    Raises:
        InputError: There is no such task.
    """
    if task == "segment":
        from visus.runs.segment_settings import SegmentSettings

        return SegmentSettings
    if task == "detect":
        from visus.runs.detect_settings import DetectSettings

        return DetectSettings
    if task == "localize":
        from visus.runs.localize_settings import LocalizeSettings

        return LocalizeSettings
    if task != "classify":
        raise InputError(
            f"{CONFIG} names the task {task!r}, which there is not; put back classify, localize, segment or detect."
        )
    from visus.runs.settings import Settings

    return Settings


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
