"""What a classifier answers to a picture, whatever runs it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images import draw, read, write
from visus.images.result import Result

Source = str | os.PathLike[str] | NDArray[np.uint8]

LEAST = 0.5
"""The probability from which on a picture has a class, where it may have several."""


@dataclass(frozen=True, slots=True, repr=False)
class ClassPrediction(Result):
    """The likeliest classes of one picture.

    Attributes:
        path: The file, or ``""`` for an array.
        classes: Names, the likeliest first.
        probabilities: The softmax of each, or its own sigmoid where a picture may have several classes.
        multilabel: Whether it may.
    """

    path: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    multilabel: bool = False

    def __repr__(self) -> str:
        likely = ", ".join(f"{name} {p:.1%}" for name, p in zip(self.classes[:3], self.probabilities, strict=False))
        return f"ClassPrediction({self.path!r}, {likely})"

    @property
    def label(self) -> str:
        """The name of the likeliest class."""
        return self.classes[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """The likeliest class alone; where a picture may have several, all of at least :data:`LEAST`, perhaps none."""
        if not self.multilabel:
            return self.classes[:1]
        return tuple(name for name, p in zip(self.classes, self.probabilities, strict=True) if p >= LEAST)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON: ``class``, or ``classes`` where a picture may have several."""
        rounded = {name: round(p, 6) for name, p in zip(self.classes, self.probabilities, strict=True)}
        said = {"classes": list(self.labels)} if self.multilabel else {"class": self.label}
        return {"file": self.path, **said, "probabilities": rounded}

    def rows(self) -> list[dict[str, Any]]:
        """One row a class, the likeliest first."""
        pairs = zip(self.classes, self.probabilities, strict=True)
        return [{"file": self.path, "class": name, "probability": p} for name, p in pairs]

    def drawn(self, picture: NDArray[np.uint8] | None = None) -> NDArray[np.uint8] | None:
        """The picture with its classes below, ``(H, W, 3)`` uint8; None for an array that is not given again.

        Args:
            picture: The picture ``(H, W, 3)`` uint8, where it came from no file.

        Raises:
            InputError: The file is gone or damaged.
        """
        if picture is None and not self.path:
            return None
        shown = read(self.path) if picture is None else picture
        lines = [f"{name} {p:.1%}" for name, p in zip(self.classes[:2], self.probabilities, strict=False)]
        return draw.contact_sheet([shown], ["\n".join(lines)], tile=360)

    def save(self, path: str | os.PathLike[str], picture: NDArray[np.uint8] | None = None) -> None:
        """Write what the ending of the name says (see :meth:`visus.images.result.Result.save`).

        Args:
            path: Where to write.
            picture: The picture ``(H, W, 3)`` uint8, where it came from no file.

        Raises:
            InputError: The ending is another, or the place cannot be written.
        """
        shown = None if picture is None else self.drawn(picture)
        if shown is None:
            Result.save(self, path)
        else:
            write(path, shown)


def name_of(picture: Source) -> str:
    """The file that a picture came from, or ``""`` for an array."""
    return "" if isinstance(picture, np.ndarray) else os.fspath(picture)


def likeliest(
    name: str, probabilities: NDArray[np.floating], classes: Sequence[Any], k: int, *, multilabel: bool
) -> ClassPrediction:
    """The answer to a picture.

    Args:
        name: Its file.
        probabilities: ``(C,)`` float.
        classes: Names of the classes.
        k: How many classes are told; where a picture may have several, all that it has.
        multilabel: Whether it may.
    """
    count = max(k, int((probabilities >= LEAST).sum())) if multilabel else k
    places = np.argsort(-probabilities, kind="stable")[:count].tolist()
    values = tuple(float(value) for value in probabilities[places])
    return ClassPrediction(name, tuple(classes[place] for place in places), values, multilabel)
