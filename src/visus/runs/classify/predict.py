"""What a trained classifier says about pictures."""

import os
from collections.abc import Sequence

import torch

from visus.data.batches import one
from visus.nets import trained
from visus.nets.classification.trained import Trained
from visus.runs.classify.answering import Answering
from visus.runs.classify.prediction import ClassPrediction, Source, likeliest
from visus.runs.engine.device import chosen


class ClassifyPredictor(Answering[torch.Tensor]):
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
        super().__init__(k)
        network = run if isinstance(run, Trained) else trained.read(run, "classifier")
        self._network = network.on(self.device)
        self.about = self._network.about

    def _prepare(self, picture: Source) -> torch.Tensor:
        """``(C, size, size)`` uint8."""
        about = self.about
        return one(picture, about.size, about.resize_to, about.interpolation, gray=about.gray)

    def _answers(self, prepared: Sequence[torch.Tensor], names: Sequence[str], k: int) -> list[ClassPrediction]:
        logits = self._network.logits(torch.stack(list(prepared)).to(self.device))
        found = self.about.probabilities(logits).cpu().numpy()
        return [
            likeliest(name, values, self.about.classes, k, multilabel=self.about.multilabel)
            for name, values in zip(names, found, strict=True)
        ]
