"""What a classifier answers to a picture, whatever runs it."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus.images import draw, read, write
from visus.images.result import Result

Source = str | os.PathLike[str] | NDArray[np.uint8]


@dataclass(frozen=True, slots=True, repr=False)
class ClassPrediction(Result):
    """The likeliest classes of one picture.

    Attributes:
        path: The file, or ``""`` for an array.
        classes: Names, the likeliest first.
        probabilities: The softmax of each.
    """

    path: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    def __repr__(self) -> str:
        likely = ", ".join(f"{name} {p:.1%}" for name, p in zip(self.classes[:3], self.probabilities, strict=False))
        return f"ClassPrediction({self.path!r}, {likely})"

    @property
    def label(self) -> str:
        """The name of the likeliest class."""
        return self.classes[0]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        rounded = {name: round(p, 6) for name, p in zip(self.classes, self.probabilities, strict=True)}
        return {"file": self.path, "class": self.label, "probabilities": rounded}

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
