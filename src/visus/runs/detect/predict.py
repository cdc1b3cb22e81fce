"""What a trained detector finds in pictures."""

import dataclasses
import os

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.box_batches import as_tensor
from visus.graphs.boxes import Detections
from visus.nets import trained
from visus.nets.detection import Limits
from visus.nets.detection.rcnn import RCNN
from visus.nets.detection.trained import Trained
from visus.runs.detect.hastened import FEW, hastened
from visus.runs.detect.prediction import BoxPrediction, BoxPredictor
from visus.runs.detect.proposals import hasten, proposer
from visus.runs.engine.device import chosen
from visus.tasks.detect import answers_of

__all__ = ["BoxPrediction", "DetectPredictor"]


class DetectPredictor(BoxPredictor):
    """A trained detector, ready to answer.

    From the twentieth picture on, OpenVINO runs its parts on a CPU, where it is installed (see
    :mod:`visus.runs.detect.hastened`).

    Args:
        run: A run's folder, a file of a trained detector, or one that was read.
        limits: Which answers are given; None for scores from 0.5 on, at most 100, and for every answer of a localizer.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        RunError: There is no trained detector, or it is damaged.
    """

    def __init__(
        self,
        run: str | os.PathLike[str] | Trained,
        *,
        limits: Limits | None = None,
        device: str = "auto",
    ) -> None:
        self.device = chosen(device)
        self.network = run if isinstance(run, Trained) else trained.read(run, "detector")
        self.network.net.to(self.device)
        self.about = self.network.about
        self.classes = self.about.classes
        self.limits = limits or Limits(score=0.5 if self.about.task == "detect" else 0.0)
        self._asked, self._quick = 0, self.network
        self._propose = proposer(self.about) if self.network.net.needs_proposals else None
        if isinstance(self.network.net, RCNN):
            self.network.net.use(None)  # it may have been compiled for another device
            hasten(self.network.net, self.about.most)

    def _within(self, picture: NDArray[np.uint8], limits: Limits) -> Detections:
        self._asked += 1
        if self._asked == FEW:
            self._quick = dataclasses.replace(self.network, net=hastened(self.network.net))
        x = as_tensor(picture).to(self.device)
        proposals = [torch.from_numpy(self._propose(picture)).to(self.device)] if self._propose else None
        return answers_of(self._quick.detect([x], proposals, limits)[0], picture.shape[:2])

    def score_matrix(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of R-CNN: the proposals ``(n, 4)`` float32 of a picture, and their scores ``(n, classes)`` for each class.

        Above 0 an answer is rather right than wrong.

        Raises:
            InputError: The network is another one.
        """
        net = self.network.net
        if not isinstance(net, RCNN) or self._propose is None:
            raise InputError(f"{self.about.net} has no score matrix; R-CNN alone scores proposals one by one.")
        proposals = torch.from_numpy(self._propose(picture)).to(self.device)
        with torch.inference_mode():
            features = net.features(as_tensor(picture).to(self.device).float() / 255, proposals)
            scores = net.score_matrix(features)
        return proposals.cpu().numpy(), scores.cpu().numpy()
