"""What a trained classifier says about pictures."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import torch

from visus._cores import cores
from visus._errors import InputError
from visus.data.batches import one
from visus.images import is_picture_name
from visus.images.check import whole
from visus.nets import trained
from visus.nets.classification.trained import Trained
from visus.runs.answers import Unreadable
from visus.runs.classify.prediction import ClassPrediction, Source, name_of
from visus.runs.engine.device import chosen


class ClassifyPredictor:
    """A trained classifier, ready to answer.

    Args:
        run: A run's folder, a file of a trained classifier, or one that was read.
        k: How many classes an answer has.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        RunError: There is no trained network, or it is damaged.
    """

    def __init__(self, run: str | os.PathLike[str] | Trained, *, k: int = 5, device: str = "auto") -> None:
        self.device = chosen(device)
        self.k = whole("k", k)
        network = run if isinstance(run, Trained) else trained.read(run, "classifier")
        self._network = network.on(self.device)
        self.about = self._network.about

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
                good = [n for n, item in enumerate(ready) if isinstance(item, torch.Tensor)]
                tensors = [item for item in ready if isinstance(item, torch.Tensor)]
                answers = iter(self._answers(tensors, [name_of(group[n]) for n in good], most) if good else [])
                for item in ready:
                    yield item if isinstance(item, Unreadable) else next(answers)

    def _try(self, picture: Source) -> torch.Tensor | Unreadable:
        try:
            return self._prepare(picture)
        except InputError as error:
            return Unreadable(name_of(picture), str(error))

    def _prepare(self, picture: Source) -> torch.Tensor:
        """``(C, size, size)`` uint8."""
        about = self.about
        return one(picture, about.size, about.resize_to, about.interpolation, gray=about.gray)

    def _answers(self, tensors: Sequence[torch.Tensor], names: Sequence[str], k: int) -> list[ClassPrediction]:
        logits = self._network.logits(torch.stack(list(tensors)).to(self.device))
        values, places = logits.softmax(1).topk(min(k, len(self.about.classes)))
        return [
            ClassPrediction(name, tuple(self.about.classes[p] for p in row.tolist()), tuple(value.tolist()))
            for name, row, value in zip(names, places.cpu(), values.cpu(), strict=True)
        ]
