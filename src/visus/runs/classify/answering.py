"""What all that answers with classes has in common, whatever runs the network."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

from visus._cores import cores
from visus._errors import InputError
from visus.images import is_picture_name
from visus.images.check import whole
from visus.runs.answers import Unreadable
from visus.runs.classify.prediction import ClassPrediction, Source, name_of

P = TypeVar("P")
"""A picture as the network takes it."""


class Answering(ABC, Generic[P]):
    """Answers pictures with their likeliest classes.

    Args:
        k: How many classes an answer has.

    Raises:
        InputError: ``k`` is below 1.
    """

    def __init__(self, k: int) -> None:
        self.k = whole("k", k)

    @abstractmethod
    def _prepare(self, picture: Source) -> P:
        """A picture as the network takes it.

        Raises:
            InputError: It cannot be read, or is no picture.
        """

    @abstractmethod
    def _answers(self, prepared: Sequence[P], names: Sequence[str], k: int) -> list[ClassPrediction]:
        """The likeliest classes of one or more pictures."""

    def takes(self, name: str) -> bool:
        """Whether a file of a folder is one to answer, by its name."""
        return is_picture_name(name)

    def predict(self, picture: Source, *, k: int | None = None) -> ClassPrediction:
        """The likeliest classes of a picture.

        Args:
            picture: A file, or ``(H, W, 3)`` uint8.
            k: How many classes; None for as many as the predictor was made for.

        Raises:
            InputError: The file is missing or damaged, or ``k`` is below 1.
        """
        most = self.k if k is None else whole("k", k)
        (answer,) = self._answers([self._prepare(picture)], [name_of(picture)], most)
        return answer

    def predict_many(
        self, pictures: Iterable[Source], *, k: int | None = None, batch_size: int = 32
    ) -> Iterator[ClassPrediction | Unreadable]:
        """The likeliest classes of many pictures, in their order; what cannot be read is told in its place.

        Args:
            pictures: Files or arrays ``(H, W, 3)`` uint8.
            k: How many classes; None for as many as the predictor was made for.
            batch_size: Pictures that go through the network at once.

        Raises:
            InputError: ``k`` is below 1.
        """
        most = self.k if k is None else whole("k", k)
        with ThreadPoolExecutor(cores()) as pool:
            waiting = iter(pictures)
            while group := list(islice(waiting, batch_size)):
                ready = list(pool.map(self._try, group))
                prepared = [item for item in ready if not isinstance(item, Unreadable)]
                pairs = zip(group, ready, strict=True)
                names = [name_of(picture) for picture, item in pairs if not isinstance(item, Unreadable)]
                answers = iter(self._answers(prepared, names, most) if prepared else [])
                for item in ready:
                    yield item if isinstance(item, Unreadable) else next(answers)

    def _try(self, picture: Source) -> P | Unreadable:
        try:
            return self._prepare(picture)
        except InputError as error:
            return Unreadable(name_of(picture), str(error))
