"""How unsure a trained network of any task is of a picture: what :func:`visus.review.suggest` asks.

* a detector or localizer: the sum over objects of (1 - (p - q))^2, where p is the higher of the probabilities that the
  object is there and that it is not, and q the lower (Brust, Käding and Denzler, "Active learning for deep object
  detection", VISAPP 2019, equations 1 and 2; the rival of a class is here that there is no such object);
* a segmenter: the mean entropy of pixels, as a share of the largest that there can be (Settles, "Active learning
  literature survey", 2009, section 3.1, for each pixel);
* a classifier: its probabilities, of which :mod:`visus.review.suggesting` takes the gradients.
"""

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data.boxes import Objects, objects
from visus.data.masks import colors
from visus.graphs.boxes import Limits
from visus.graphs.runs import encode
from visus.graphs.saved import Saved, open_saved
from visus.images.check import colors_of
from visus.review.judging import Judge, Opinion, Proposal
from visus.runs.detect.prediction import BoxPredictor
from visus.runs.registry import task_of
from visus.runs.segment.prediction import MaskPredictor
from visus.runs.supervision import around

LEAST = 0.05
"""Score of an object from which on a detector is asked about it."""

PROPOSED = 0.5
"""Score of an object from which on a detector proposes it."""


def judge_of(run: str | os.PathLike[str], *, device: str = "auto") -> Judge:
    """A trained network that tells how unsure it is.

    Args:
        run: A run's folder, or the file of a trained network.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.

    Raises:
        InputError: It answers volumes, or gives a picture several classes.
        RunError: There is no trained network, or it is damaged.
    """
    saved = open_saved(run)
    return _JUDGES[saved.task](saved, device)


def margins(scores: NDArray[np.floating]) -> float:
    """The sum of what objects of some scores ``(n,)`` in [0, 1] are in doubt.

    >>> margins(np.array([0.5, 1.0, 0.0])), margins(np.array([0.75]))
    (1.0, 0.25)
    """
    apart = np.abs(2 * np.asarray(scores, np.float64) - 1)  # the higher probability less the lower
    return float(((1 - apart) ** 2).sum())


def entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """The entropy of each position, as a share of the largest.

    Args:
        probabilities: ``(classes, ...)``, which sum to 1.

    Returns:
        ``(...)`` float64 in [0, 1].

    >>> entropy(np.array([[0.5, 1.0], [0.5, 0.0]])).tolist()
    [1.0, 0.0]
    """
    values = np.asarray(probabilities, np.float64)
    logs = np.log(np.maximum(values, 1e-300))
    return np.abs((values * logs).sum(0)) / np.log(max(len(values), 2))


def _of_classes(saved: Saved, device: str) -> Judge:
    classes = tuple(map(str, saved.list_of("classes")))
    if saved.header.get("multilabel"):
        raise InputError(
            f"{saved.place} gives a picture several classes, of which suggestions are not drawn; leave --run away, and "
            "pictures are chosen that differ."
        )
    predictor = task_of("classify").predictor(saved, k=len(classes), device=device)

    def doubt(file: str) -> Opinion:
        found: Any = predictor.predict(file)
        values = dict(zip(found.classes, found.probabilities, strict=True))
        return Opinion(probabilities=np.array([values[name] for name in classes], np.float32))

    return Judge(classes, doubt)


def _of_boxes(saved: Saved, device: str) -> Judge:
    asked = {"limits": Limits(score=LEAST)} if saved.task == "detect" else {}
    predictor: Any = task_of(saved.task).predictor(saved, device=device, **asked)
    return boxes_judge(predictor, PROPOSED if saved.task == "detect" else 0.0)


def boxes_judge(predictor: BoxPredictor, proposed: float) -> Judge:
    """A detector that tells how unsure it is.

    Args:
        predictor: What answers.
        proposed: Score from which on an object is proposed.
    """

    def doubt(file: str) -> Opinion:
        return Opinion(margins(predictor.predict(file).scores))

    def propose(file: str) -> Proposal:
        found = predictor.predict(file)
        shapes = found.answers.shapes or [None] * len(found.boxes)
        named = zip(found.boxes, found.answers.labels, shapes, found.scores, strict=True)
        rows = [{"box": box, "label": label, "shape": shape} for box, label, shape, score in named if score >= proposed]
        counts = Counter(int(row["label"]) for row in rows)
        return Proposal(objects(rows), {predictor.classes[label]: n for label, n in sorted(counts.items())})

    measure = "the sum of (1 - |2 s - 1|)^2 over objects of scores s: 1 at even odds, 0 where certain"
    palette = tuple(map(tuple, colors(1 + len(predictor.classes))[1:].tolist()))
    return Judge(predictor.classes, doubt, measure, propose, palette=palette)


def _of_masks(saved: Saved, device: str) -> Judge:
    predictor: Any = task_of("segment").predictor(saved, device=device)
    if predictor.axes == 3:
        raise InputError(f"{saved.place} answers volumes; visus suggest chooses pictures.")
    return masks_judge(predictor)


def masks_judge(predictor: MaskPredictor) -> Judge:
    """A segmenter that tells how unsure it is.

    Args:
        predictor: What answers.
    """

    def doubt(file: str) -> Opinion:
        picture, total = colors_of(predictor.read(file)), 0.0
        for _, answers in predictor.blockwise(picture):
            total += float(entropy(answers).sum())
        return Opinion(total / (picture.shape[0] * picture.shape[1]))

    def propose(file: str) -> Proposal:
        found = predictor.predict(file)
        shares = {name: share for name, share in found.shares().items() if name != predictor.classes[0]}
        return Proposal(_regions(found.mask), shares=shares)

    measure = "the mean entropy of pixels, as a share of the largest"
    palette = tuple((int(red), int(green), int(blue)) for red, green, blue in predictor.palette)
    return Judge(predictor.classes, doubt, measure, propose, masks=True, palette=palette)


def _regions(mask: NDArray[np.uint8]) -> Objects:
    """All of each class that is there as one object; the first class is what none of them covers."""
    rows = []
    for label in np.unique(mask[mask > 0]).tolist():
        inside = mask == label
        rows.append({"box": around(inside[None])[0], "label": label, "shape": encode(inside)})
    return objects(rows)


_JUDGES: dict[str, Callable[[Saved, str], Judge]] = {
    "classify": _of_classes,
    "localize": _of_boxes,
    "detect": _of_boxes,
    "segment": _of_masks,
}
