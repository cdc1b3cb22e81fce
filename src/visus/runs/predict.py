"""What a trained classifier answers to pictures."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.data.batches import one
from visus.images import draw, is_picture_name
from visus.images.check import whole
from visus.nets import trained
from visus.runs.device import chosen

Source = str | os.PathLike[str] | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The likeliest classes of one picture.

    Attributes:
        path: The file, or ``""`` for an array.
        classes: Names, the likeliest first.
        probabilities: The softmax of each.
    """

    path: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.classes[0]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        rounded = {name: round(p, 6) for name, p in zip(self.classes, self.probabilities, strict=True)}
        return {"file": self.path, "class": self.label, "probabilities": rounded}

    def save(self, path: str | os.PathLike[str], picture: NDArray[np.uint8] | None = None) -> None:
        """Write the picture with its classes below.

        Args:
            path: Where to write.
            picture: The picture, where it came from no file.
        """
        from visus.images import read, write

        shown = read(self.path) if picture is None else picture
        lines = [f"{name} {p:.1%}" for name, p in zip(self.classes[:2], self.probabilities, strict=False)]
        write(path, draw.contact_sheet([shown], ["\n".join(lines)], tile=360))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that could not be read.

    Attributes:
        path: The file.
        message: Why, one sentence.
    """

    path: str
    message: str


class Predictor:
    """A trained network, ready to answer.

    Args:
        run: A run's folder, or a file of a trained network.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        RunError: There is no trained network, or it is damaged.
    """

    def __init__(self, run: str | os.PathLike[str], *, device: str = "auto") -> None:
        self.device = chosen(device)
        self._network = trained.read(run).on(self.device)
        self.about = self._network.about

    def predict(self, picture: Source, *, k: int = 5) -> Prediction:
        """The likeliest classes of a picture.

        Args:
            picture: A file, or ``(H, W, 3)`` uint8.
            k: How many classes.

        Raises:
            InputError: The file is missing or damaged.
        """
        whole("k", k)
        (answer,) = self._answers([self._prepare(picture)], [_name(picture)], k)
        return answer

    def predict_many(
        self, pictures: Iterable[Source], *, k: int = 5, batch_size: int = 32
    ) -> Iterator[Prediction | Unreadable]:
        """The likeliest classes of many pictures, in their order; what cannot be read is told in its place.

        Args:
            pictures: Files or arrays.
            k: How many classes.
            batch_size: Pictures that go through the network at once.
        """
        whole("k", k)
        with ThreadPoolExecutor(cores()) as pool:
            waiting = iter(pictures)
            while group := list(islice(waiting, batch_size)):
                ready = list(pool.map(self._try, group))
                good = [n for n, item in enumerate(ready) if isinstance(item, torch.Tensor)]
                tensors = [item for item in ready if isinstance(item, torch.Tensor)]
                answers = iter(self._answers(tensors, [_name(group[n]) for n in good], k) if good else [])
                for item in ready:
                    yield item if isinstance(item, Unreadable) else next(answers)

    def _try(self, picture: Source) -> torch.Tensor | Unreadable:
        try:
            return self._prepare(picture)
        except InputError as error:
            return Unreadable(_name(picture), str(error))

    def _prepare(self, picture: Source) -> torch.Tensor:
        """``(C, size, size)`` uint8."""
        about = self.about
        return one(picture, about.size, about.resize_to, about.interpolation, grey=about.grey)

    def _answers(self, tensors: Sequence[torch.Tensor], names: Sequence[str], k: int) -> list[Prediction]:
        logits = self._network.logits(torch.stack(list(tensors)).to(self.device))
        values, places = logits.softmax(1).topk(min(k, len(self.about.classes)))
        return [
            Prediction(name, tuple(self.about.classes[p] for p in row.tolist()), tuple(value.tolist()))
            for name, row, value in zip(names, places.cpu(), values.cpu(), strict=True)
        ]


def _name(picture: Source) -> str:
    return "" if isinstance(picture, np.ndarray) else os.fspath(picture)


def files_beside(places: Sequence[Path], out: Path, wanted: Callable[[str], bool] = is_picture_name) -> list[str]:
    """The pictures of some places, without what earlier answers have left in the folder ``out``.

    Args:
        places: Folders and files.
        out: Where answers go.
        wanted: See :func:`files_of`.

    Raises:
        InputError: A place does not exist, holds no pictures, or lies in ``out``, where answers would cover it.
    """
    home, files = out.expanduser().resolve(), []
    for place in places:
        if place.expanduser().resolve().is_relative_to(home):
            raise InputError(f"The answers would go to {out}, where {place} lies; name another folder with --out.")
        files += files_of(place, wanted, without=home)
    return files


def files_of(
    path: str | os.PathLike[str], wanted: Callable[[str], bool] = is_picture_name, *, without: Path | None = None
) -> list[str]:
    """The pictures below a folder, sorted, or the file itself.

    Args:
        path: Folder or file.
        wanted: Tells from its name whether a file of a folder is taken.
        without: A folder, resolved, whose files are not taken.

    Raises:
        InputError: It does not exist, or there are no pictures.
    """
    place = Path(path).expanduser()
    if not place.exists():
        raise InputError(f"{path} does not exist; check the spelling of the path.")
    if place.is_file():
        return [str(place)]
    found = sorted(
        str(file) for file in place.rglob("*") if wanted(file.name) and not file.name.startswith(".") and file.is_file()
    )
    if without and without.is_relative_to(place.resolve()):
        found = [file for file in found if not Path(file).resolve().is_relative_to(without)]
    if not found:
        raise InputError(f"{path} holds no pictures; name another folder.")
    return found
