"""A training of R-CNN: features of all proposals once, then SVMs and box regression.

Features are kept in the run's folder while it trains, one file for each picture, so that a training that was stopped
goes on with the next picture.
"""

import dataclasses
import io
import shutil
import tempfile
import time
from pathlib import Path

import lightning.pytorch as lightning
import numpy as np
import torch
from numpy.typing import NDArray

from visus._files import write_atomically
from visus.data import Boxed, BoxSet
from visus.data.box_batches import as_tensor
from visus.data.boxes import Objects
from visus.nets.detection import Limits
from visus.nets.detection.rcnn import RCNN
from visus.nets.detection.registry import NETS
from visus.runs.detect.proposals import Propose, hasten, proposer
from visus.runs.detect.settings import DetectSettings
from visus.runs.detect.training import Detection
from visus.runs.engine.loop import Checkpointer
from visus.runs.engine.progress import Epoch, Progress
from visus.runs.engine.task import Hooks
from visus.tasks import box_metrics
from visus.tasks import rcnn as _fitting
from visus.tasks.detect import answers_of, score_of

FOLDER = "features"
_ALL = Limits(score=0.001)  # average precision counts unsure answers too


class Mined(Detection):
    """A training of R-CNN."""

    sized = "warped to"

    def learn(
        self, callbacks: list[lightning.Callback], keep: Checkpointer, hooks: Hooks, checkpoint: Path | None
    ) -> None:
        """Propose boxes, compute their features, and fit."""
        net, settings = self.net, self.settings
        assert isinstance(net, RCNN)
        self.propose_all(hooks)
        train, val = self.data.splits["train"], self.data.splits["val"]
        propose = proposer(self.about)
        mining = Mining(net, train, val, propose, settings.device, settings.seed, self.about.most, self.score)
        mining.learn(keep, hooks)


@dataclasses.dataclass(frozen=True, slots=True)
class Mining:
    """What R-CNN is trained from.

    Attributes:
        net: The network.
        train: Pictures to learn from.
        val: Pictures to measure by.
        propose: From a picture to boxes.
        device: Where the network computes features.
        seed: Of the first negatives.
        most: Proposals for a picture.
        score_is: What val is measured by: ``"ap"`` or ``"ap50"``.
    """

    net: RCNN
    train: Boxed
    val: Boxed
    propose: Propose
    device: str
    seed: int
    most: int
    score_is: str

    def learn(self, keep: Checkpointer, hooks: Hooks) -> None:
        """Compute features, fit, and measure on val: one epoch."""
        if keep.folder is None:
            with tempfile.TemporaryDirectory() as place:
                self._learn(Path(place), keep, hooks)
            return
        home = keep.folder / FOLDER
        home.mkdir(exist_ok=True)
        self._learn(home, keep, hooks)
        shutil.rmtree(home, ignore_errors=True)

    def _learn(self, home: Path, keep: Checkpointer, hooks: Hooks) -> None:
        """The same, with features in a folder."""
        started = time.perf_counter()
        net = self.net.to(self.device).eval()
        hasten(net, self.most)
        total = len(self.train)
        seen = []
        for place in range(total):
            seen.append(self._seen(place, home))
            if hooks.progress:
                hooks.progress(Progress("features", place + 1, total))
        net.cpu()

        def tell(done: int, of: int) -> None:
            if hooks.progress:
                hooks.progress(Progress("training", done, of, epoch=1, epochs=1))

        _fitting.fit(net, seen, seed=self.seed, tell=tell)
        net.to(self.device)
        score, scores, right = self._measure(hooks)
        if not _fitting.calibrate(net, scores, right):
            hooks.say(
                "The scores of R-CNN are not calibrated, since among its answers on val there are not both right and "
                "wrong ones, or better scores are not better; read them as an order."
            )
        net.use(None)
        keep.note(Epoch(1, 0.0, 0.0, float("nan"), 1 - score, score, time.perf_counter() - started))
        if keep.on_epoch:
            keep.on_epoch(keep.epochs[-1])

    def _seen(self, place: int, home: Path) -> _fitting.Seen:
        """A training picture with its features, from its file where there is one."""
        picture, own = self.train.read(place)
        own = own.take(~own.crowd)
        proposals = np.concatenate([own.boxes, self.propose(picture)])
        path = home / f"{place:06}.npy"

        def read() -> NDArray[np.float32]:
            return np.load(path, allow_pickle=False).astype(np.float32)

        if not _fits(path, (len(proposals), self.net.backbone.dimension)):
            buffer = io.BytesIO()
            np.save(buffer, self._features(picture, proposals).astype(np.float16))
            write_atomically(path, buffer.getvalue())
        return _fitting.Seen(proposals, read, own)

    def _features(self, picture: NDArray[np.uint8], proposals: NDArray[np.float32]) -> NDArray[np.float32]:
        x = as_tensor(picture).to(self.device).float() / 255
        return self.net.features(x, torch.from_numpy(proposals).to(self.device)).cpu().numpy()

    def _measure(self, hooks: Hooks) -> tuple[float, NDArray[np.float64], NDArray[np.bool_]]:
        """Average precision on val; and of all answers there the scores of the SVMs, and which are right."""
        truth: list[Objects] = []
        answers, sizes = [], []
        for place in range(len(self.val)):
            picture, own = self.val.read(place)
            x = as_tensor(picture).to(self.device).float() / 255
            proposals = torch.from_numpy(self.propose(picture)).to(self.device)
            answers.append(answers_of(self.net.detect([x], [proposals], _ALL)[0], picture.shape[:2]))
            truth.append(own)
            sizes.append(picture.shape[:2])
            if hooks.progress:
                hooks.progress(Progress("validation", place + 1, len(self.val)))
        found = box_metrics.coco(truth, answers, sizes, self.net.classes)
        return score_of(found, self.score_is), *_judged(truth, answers)


def _judged(
    truth: list[Objects], answers: list[box_metrics.Detections]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The SVMs' scores of all answers, and whether each has an object of its class by an IoU of 0.5.

    Answers on crowds and difficult objects count neither way.
    """
    scores, right = [], []
    for own, answer in zip(truth, answers, strict=True):
        found = box_metrics.pairs(own, answer, least=0.0)
        for k, j in found.matches:
            scores.append(answer.scores[j])
            right.append(own.labels[k] == answer.labels[j])
        scores += [answer.scores[j] for j in found.wrong]
        right += [False] * len(found.wrong)
    shares = np.clip(np.array(scores, np.float64), 1e-7, 1 - 1e-7)
    return np.log(shares / (1 - shares)), np.array(right, bool)


def _fits(path: Path, shape: tuple[int, int]) -> bool:
    """Whether a file holds features of that shape."""
    try:
        return np.load(path, allow_pickle=False, mmap_mode="r").shape == shape
    except (OSError, ValueError, EOFError):
        return False


def begin(settings: DetectSettings, data: BoxSet) -> Detection:
    """The training of a detector with its first weights: by steps, or of R-CNN by fitting.

    Raises:
        WeightsError: They are not at hand, or do not fit.
    """
    kind = Detection if NETS[settings.net].takes_steps else Mined
    return kind.begin(settings, data)
