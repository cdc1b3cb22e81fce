"""A training of visus as a classifier of scikit-learn."""

import csv
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from visus._errors import InputError
from visus.images import write
from visus.runs import train
from visus.runs.answers import Unreadable
from visus.runs.classify.predict import ClassifyPredictor
from visus.runs.classify.settings import Mode
from visus.search.query import Picture
from visus.sklearn.pictures import OfPictures, Pictures, pictures_of


class Classifier(ClassifierMixin, OfPictures):
    """A network that is trained on pictures: :func:`visus.train` of the task ``classify``.

    For a probe alone, a pipeline of :class:`visus.sklearn.Embedder` and a classifier of scikit-learn is faster; this
    one fits the layers of the network too. What None stands for depends on network and data, as there.

    Args:
        net: A name of ``visus nets``, or of timm.
        mode: ``"probe"``, ``"finetune"`` or ``"scratch"``.
        weights: ``"imagenet"``, a file of weights, or an earlier run.
        size: Side of the input in pixels.
        epochs: Passes through the pictures, at most.
        batch_size: Pictures in a step.
        lr: Learning rate of the last layers.
        augment: Random changes of training pictures: ``"none"``, ``"light"`` or ``"strong"``.
        val: Share of the pictures that tells which epoch is best, and when to stop.
        seed: Of split, order, augmentation and random weights.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        settings: Further ones of :class:`visus.runs.ClassifySettings`, by name.
        runs: Where the run's folder is kept; None for none: the estimator holds the network itself.
        verbose: Whether what the training says is printed.

    Attributes:
        classes_: The classes, sorted, once it is fitted.
        summary_: What came of the training, as in the run's ``summary.json``.
        run_: The folder of the run; None where it was not kept.
        said_: The sentences of the training; a picture that could not be used is a warning too.
    """

    def __init__(
        self,
        net: str = "efficientnet_lite0",
        *,
        mode: Mode | None = None,
        weights: str = "imagenet",
        size: int | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        augment: Literal["none", "light", "strong"] | None = None,
        val: float = 0.15,
        seed: int = 0,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        settings: dict[str, Any] | None = None,
        runs: str | Path | None = None,
        verbose: bool = False,
    ) -> None:
        self.net = net
        self.mode: Mode | None = mode
        self.weights = weights
        self.size = size
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.augment: Literal["none", "light", "strong"] | None = augment
        self.val = val
        self.seed = seed
        self.device: Literal["auto", "cpu", "cuda"] = device
        self.settings = settings
        self.runs = runs
        self.verbose = verbose

    def fit(self, X: Pictures, y: ArrayLike) -> Self:
        """Train the network on labeled pictures.

        Args:
            X: N pictures.
            y: The class of each, ``(N,)``: texts or whole numbers.

        Raises:
            InputError: A picture or a setting cannot be used, there are not as many labels as pictures, or fewer than
                two classes.
            WeightsError: The weights are not at hand.
            RunError: The training diverged.
        """
        pictures, labels = pictures_of(X), np.asarray(y)
        if labels.shape != (len(pictures),):
            raise InputError(
                f"Each picture needs one class: there are {len(pictures)} pictures, and y is {labels.shape}."
            )
        check_classification_targets(labels)
        self.classes_, places = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(f"A classifier tells two classes or more apart, not {len(self.classes_)}.")
        named = {name: getattr(self, name) for name in _SETTINGS}
        chosen = {**{name: value for name, value in named.items() if value is not None}, **(self.settings or {})}
        with tempfile.TemporaryDirectory(prefix="visus-", ignore_cleanup_errors=True) as place:
            table = _table(Path(place) / "pictures", pictures, [self._names[k] for k in places])
            said: list[str] = []
            run = train("classify", table, runs=self.runs or place, test=0.0, say=self._teller(said), **chosen)
            self._network = (run.folder / "best.safetensors").read_bytes()
            self.summary_ = run.summary
            self.run_ = run.folder if self.runs else None
        self._ready, self.said_ = None, said
        for sentence in said:
            if sentence.startswith("Left out"):
                warnings.warn(sentence, stacklevel=2)
        return self

    def _teller(self, said: list[str]) -> Callable[[str], None]:
        """What keeps the sentences of a training, and prints them where that is asked for."""

        def tell(sentence: str) -> None:
            said.append(sentence)
            if self.verbose:
                print(sentence)

        return tell

    @property
    def _names(self) -> list[str]:
        """What the classes are called in files: as they are, where that tells them apart."""
        names = [str(own) for own in self.classes_.tolist()]
        plain = all(re.fullmatch(r"\w[\w .+-]*", name) for name in names)  # nothing that parts entries of a list
        fine = plain and len({name.strip().lower() for name in names}) == len(names)
        return names if fine else [f"class {k}" for k in range(len(names))]

    def predict_proba(self, X: Pictures) -> NDArray[np.float64]:
        """The probability of each class.

        Args:
            X: N pictures.

        Returns:
            ``(N, classes)``, in the order of ``classes_``.

        Raises:
            InputError: A picture cannot be read.
        """
        check_is_fitted(self, "classes_")
        pictures, column = pictures_of(X), {name: k for k, name in enumerate(self._names)}
        found = np.zeros((len(pictures), len(column)))
        for row, answer in enumerate(self._predictor().predict_many(pictures, k=len(column))):
            if isinstance(answer, Unreadable):
                raise InputError(answer.message)
            for name, probability in zip(answer.classes, answer.probabilities, strict=True):
                found[row, column[name]] = probability
        return found

    def predict(self, X: Pictures) -> NDArray[Any]:
        """The likeliest class of each picture, ``(N,)`` of what ``fit`` was told.

        Args:
            X: N pictures.

        Raises:
            InputError: A picture cannot be read.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def save(self, path: str | Path) -> None:
        """Write the network as a file that visus reads wherever it takes a run.

        Args:
            path: Ends with ``.safetensors``.

        Raises:
            InputError: It has another ending.
        """
        from visus._files import write_atomically

        check_is_fitted(self, "classes_")
        if Path(path).suffix != ".safetensors":
            raise InputError(f"The network is written as .safetensors, not as {Path(path).name}.")
        write_atomically(Path(path), self._network)

    def _predictor(self) -> ClassifyPredictor:
        ready: ClassifyPredictor | None = getattr(self, "_ready", None)
        if ready is None:
            with tempfile.TemporaryDirectory(prefix="visus-", ignore_cleanup_errors=True) as place:
                file = Path(place) / "best.safetensors"
                file.write_bytes(self._network)
                ready = self._ready = ClassifyPredictor(file, device=self.device)
        return ready

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        return {**state, "_ready": None}  # another process reads the network itself


_SETTINGS = ("net", "mode", "weights", "size", "epochs", "batch_size", "lr", "augment", "val", "seed", "device")


def _table(folder: Path, pictures: Sequence[Picture], names: Sequence[str]) -> Path:
    """A table of files and classes, as a training reads it; arrays are written beside it, without loss."""
    folder.mkdir()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "class"])
        for k, (picture, name) in enumerate(zip(pictures, names, strict=True)):
            path = folder / f"{k:07d}.png" if isinstance(picture, np.ndarray) else Path(picture).expanduser().absolute()
            if isinstance(picture, np.ndarray):
                write(path, picture)
            rows.writerow([path, name])
    return folder / "labels.csv"
