"""Fit the SVMs and the box regression of R-CNN to features that were computed once.

Girshick et al., "Rich feature hierarchies", CVPR 2014, section 2.3 and appendices B and C. The true boxes of a class
are its positives; proposals that overlap none of its objects by an IoU of 0.3 or more are its negatives, far too many,
so that only hard ones serve: from a few at random, an SVM is fitted, what it holds for nearer than its margin is added,
and so on through all pictures once; of the first few, those that prove hard count twice. Then proposals with an IoU of
more than 0.6 learn to become the true box.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visus.data.boxes import Objects
from visus.nets.detection.rcnn import NORM, RCNN
from visus.ops import boxes

NEGATIVE = 0.3
"""Largest IoU of a negative."""

NEAR = 0.6
"""Least IoU of what learns to move."""

_C = 1e-3
_POSITIVE_WEIGHT = 2.0
_BIAS = 10
_RIDGE = 1000.0
_FIRST = 5  # negatives of each picture at random, to begin with
_REFIT = 2000  # after so many new negatives
_EASY = -1.2  # a negative with a lower score is let go
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture as R-CNN sees it.

    Attributes:
        boxes: ``(n, 4)`` float32: first the true boxes, then the proposals.
        features: Reads ``(n, dimension)`` float32.
        own: The objects, without crowds.
    """

    boxes: Floats
    features: Callable[[], Floats]
    own: Objects

    def overlaps(self, label: int) -> Floats:
        """``(n,)`` float32 in [0, 1]: the largest IoU of each box with an object of a class; 0 where there is none."""
        truth = self.own.boxes[self.own.labels == label]
        if not len(truth):
            return np.zeros(len(self.boxes), np.float32)
        return boxes.iou(torch.from_numpy(self.boxes), torch.from_numpy(truth)).amax(1).numpy()


def fit(net: RCNN, seen: Sequence[Seen], *, seed: int = 0, tell: Callable[[int, int], None] = lambda *_: None) -> None:
    """Fit all classes, and put what was found into the network.

    Args:
        net: The network.
        seen: The training pictures.
        seed: Of the first negatives.
        tell: Told how many pictures were mined, of how many.
    """
    random = np.random.default_rng(seed)
    for learned in (net.svm_weight, net.svm_bias, net.ridge_weight, net.ridge_bias):
        learned.zero_()  # what an earlier training left
    net.scale.fill_(NORM / max(1e-9, _mean_norm(seen)))
    mines = [_Mine(net, label, seed) for label in range(net.classes)]
    for picture in seen:
        features = picture.features() * float(net.scale)
        for mine in mines:
            mine.begin(picture, features, random)
    for mine in mines:
        mine.fit()
    for done, picture in enumerate(seen, 1):
        features = picture.features() * float(net.scale)
        for mine in mines:
            mine.look(picture, features)
        tell(done, len(seen))
    for mine in mines:
        mine.finish()


def platt(scores: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[float, float] | None:
    """Slope a and offset b with which sigmoid(a s + b) is the chance that an answer of score s is right.

    Platt, "Probabilistic outputs for support vector machines", 1999, with targets as in his section 2.2: of n right
    answers each counts as (n + 1) / (n + 2) right, so that a few do not make the rest sure.

    Args:
        scores: ``(n,)`` float, an SVM's.
        right: ``(n,)`` bool.

    Returns:
        None where all or none are right, or a higher score is no better.

    >>> slope, offset = platt(np.array([-2.0, -1.5, -1.0, -0.5]), np.array([False, False, True, True]))
    >>> -1.5 < -offset / slope < -1  # from there on answers are rather right than wrong
    True
    """
    from sklearn.linear_model import LogisticRegression

    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return None
    share = np.where(right, (good + 1) / (good + 2), 1 / (bad + 2))
    column = np.tile(scores, 2)[:, None]  # each once as right and once as wrong, by its share
    labels = np.repeat([1, 0], len(scores))
    fitted: Any = LogisticRegression(C=1e6).fit(column, labels, sample_weight=np.r_[share, 1 - share])
    slope, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    return (slope, offset) if slope > 0 else None


def calibrate(net: RCNN, scores: NDArray[np.floating], right: NDArray[np.bool_]) -> bool:
    """Turn a network's SVMs, so that the sigmoid of a score is the chance that an answer is right.

    One slope and one offset serve all classes (Platt 1999), since a small val split holds few objects of each; the
    order of a class's answers stays.

    Args:
        net: The network, whose weights are changed.
        scores: ``(n,)`` float, those of its answers on pictures that it has not seen.
        right: ``(n,)`` bool, which of them are right.

    Returns:
        Whether there was enough to go by; otherwise the network is left as it was.
    """
    found = platt(scores, right)
    if found is None:
        return False
    slope, offset = found
    net.svm_weight.mul_(slope)
    net.svm_bias.mul_(slope).add_(offset)
    return True


def _mean_norm(seen: Sequence[Seen]) -> float:
    norms = [float(np.linalg.norm(picture.features(), axis=1).mean()) for picture in seen[:100] if len(picture.boxes)]
    return float(np.mean(norms)) if norms else 1.0


class _Mine:
    """The hard negatives of one class, and what learns to move."""

    def __init__(self, net: RCNN, label: int, seed: int) -> None:
        self.net, self.label, self.seed = net, label, seed
        self.positives: list[Floats] = []
        self.negatives: list[Floats] = []
        self.near: list[Floats] = []
        self.offsets: list[Floats] = []
        self.new = 0

    def begin(self, picture: Seen, features: Floats, random: np.random.Generator) -> None:
        """Take the true boxes, a few negatives, and what is near."""
        count = len(picture.own)
        self.positives.append(features[:count][picture.own.labels == self.label])
        overlaps = picture.overlaps(self.label)
        easy = np.flatnonzero(overlaps < NEGATIVE)
        self.negatives.append(features[random.permutation(easy)[:_FIRST]])
        near = np.flatnonzero(overlaps > NEAR)
        if len(near):
            truth = torch.from_numpy(picture.own.boxes[picture.own.labels == self.label])
            own = torch.from_numpy(picture.boxes[near])
            match = boxes.iou(own, truth).argmax(1)
            self.near.append(features[near])
            self.offsets.append(boxes.encode(truth[match], own).numpy())

    def fit(self) -> None:
        """Fit the SVM, and let easy negatives go."""
        from sklearn.svm import LinearSVC

        positives, negatives = np.concatenate(self.positives), np.concatenate(self.negatives)
        self.new = 0
        if not len(positives) or not len(negatives):
            self.net.svm_bias[self.label] = -_BIAS if not len(positives) else 0.0
            return
        svm: Any = LinearSVC(
            C=_C,
            loss="hinge",
            dual=True,  # pyright: ignore[reportArgumentType] - its stubs know 'auto' only
            intercept_scaling=_BIAS,
            class_weight={1: _POSITIVE_WEIGHT},
            max_iter=5000,
            random_state=self.seed,
        )
        labels = np.r_[np.ones(len(positives), int), -np.ones(len(negatives), int)]
        svm.fit(np.concatenate([positives, negatives]), labels)
        self.net.svm_weight[self.label] = torch.from_numpy(svm.coef_[0].astype(np.float32))
        self.net.svm_bias[self.label] = float(svm.intercept_[0])
        hard = self._scores(negatives) > _EASY
        self.negatives = [negatives[hard] if hard.any() else negatives[:1]]

    def _scores(self, features: Floats) -> Floats:
        weight = self.net.svm_weight[self.label].numpy()
        return np.asarray(features @ weight + float(self.net.svm_bias[self.label]), np.float32)

    def look(self, picture: Seen, features: Floats) -> None:
        """Add the negatives of a picture that the SVM holds for nearer than its margin."""
        hard = (picture.overlaps(self.label) < NEGATIVE) & (self._scores(features) > -1)
        if hard.any():
            self.negatives.append(features[hard])
            self.new += int(hard.sum())
        if self.new >= _REFIT:
            self.fit()

    def finish(self) -> None:
        """Fit for the last time, and learn to move."""
        from sklearn.linear_model import Ridge

        if self.new:
            self.fit()
        if not self.near:
            return
        ridge = Ridge(alpha=_RIDGE).fit(np.concatenate(self.near), np.concatenate(self.offsets))
        self.net.ridge_weight[self.label] = torch.from_numpy(np.asarray(ridge.coef_, np.float32))
        self.net.ridge_bias[self.label] = torch.from_numpy(np.asarray(ridge.intercept_, np.float32))
