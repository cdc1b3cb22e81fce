"""A run: the folder of a training.

config.toml        every setting, so that it can be repeated
best.safetensors   the network that was best on the val split, with its preprocessing and classes
last.ckpt          what a stopped training goes on from; gone when it is finished
metrics.csv        one line for each epoch
curves.png         losses, accuracies and the learning rate
health.png         gradients, updates and dead units of each layer
confusion.png      which classes are taken for which, on the val split
summary.json       what came of it
"""

import functools
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visus._errors import RunError
from visus.images.io import write_atomically
from visus.nets import trained
from visus.runs.settings import Settings, read_settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visus.runs.evaluate import Evaluation
    from visus.runs.predict import Prediction

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
    def settings(self) -> Settings:
        """How it was trained.

        Raises:
            InputError: The file is damaged.
        """
        values = read_settings(self.folder / CONFIG)
        if "data" not in values:
            raise RunError(f"{self.folder / CONFIG} has no line data = ...; put it back.")
        return Settings(**values)

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

    def load(self) -> trained.Trained:
        """The best network of the run.

        Raises:
            RunError: There is none, or it is damaged.
        """
        return trained.read(self.folder)

    def evaluate(self, data: str | os.PathLike[str] | None = None, *, split: str | None = None) -> "Evaluation":
        """Measure the network on labelled pictures (see :func:`visus.runs.evaluate.evaluate`)."""
        from visus.runs.evaluate import evaluate

        return evaluate(self.folder, data, split=split)

    def predict(self, picture: "str | os.PathLike[str] | NDArray[np.uint8]", *, k: int = 5) -> "Prediction":
        """The likeliest classes of a picture (see :class:`visus.runs.predict.Predictor`)."""
        from visus.runs.predict import Predictor

        return Predictor(self.folder).predict(picture, k=k)

    def export(self, form: str = "onnx", path: str | os.PathLike[str] | None = None) -> Path:
        """Write the network for other programs (see :func:`visus.runs.export.export`)."""
        from visus.runs.export import export

        return export(self.folder, form, path)

    def resume(self, data: str | os.PathLike[str] | None = None) -> "Run":
        """Go on with a stopped training (see :func:`visus.runs.training.resume`)."""
        from visus.runs.training import resume

        return resume(self.folder, data)


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


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write plain values; the file appears whole or not at all."""
    write_atomically(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())
