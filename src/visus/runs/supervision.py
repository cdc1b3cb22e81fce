"""Answers of networks as objects of the package supervision, for its annotators, trackers and metrics."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._optional import require
from visus.data.boxes import box_of


def detections(
    boxes: NDArray[np.floating],
    labels: NDArray[np.integer],
    classes: tuple[str, ...],
    *,
    scores: NDArray[np.floating] | None = None,
    masks: NDArray[np.bool_] | None = None,
) -> Any:  # noqa: ANN401 - supervision.Detections, imported at use
    """Objects as ``supervision.Detections``, with their names in ``data["class_name"]``.

    Args:
        boxes: ``(n, 4)``: x0, y0, x1, y1 in pixels.
        labels: ``(n,)``, which class each is of.
        classes: Names of the classes.
        scores: ``(n,)`` in [0, 1]; None where there are none.
        masks: ``(n, H, W)``; None where there are none.

    Raises:
        DependencyError: supervision is not installed.
    """
    names = np.array([classes[label] for label in labels.tolist()], dtype=str)
    return require("supervision").Detections(
        xyxy=np.asarray(boxes, np.float32).reshape(-1, 4),
        mask=masks,
        confidence=None if scores is None else np.asarray(scores, np.float32),
        class_id=np.asarray(labels, np.int64),
        data={"class_name": names},
    )


def around(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The box around each mask, ``(n, 4)`` float32: x0, y0, x1, y1 in pixels; zeros around an empty one.

    Args:
        masks: ``(n, H, W)``.

    >>> around(np.array([[[0, 0, 0], [0, 1, 1]]], bool)).tolist()
    [[1.0, 1.0, 3.0, 2.0]]
    """
    found = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(found, masks, strict=True):
        if mask.any():
            box[:] = box_of(mask)
    return found
