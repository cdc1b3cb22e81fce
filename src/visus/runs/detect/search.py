"""Search for every object of a picture on its own."""

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import draw, read
from visus.images.decode import MAX_PIXELS
from visus.nets.detection import Limits
from visus.runs.detect.predict import DetectPredictor
from visus.search import Hits, Index

_IN_A_ROW = 5


@dataclass(frozen=True, slots=True)
class ObjectHits:
    """An object of a picture, and the pictures most like it.

    Attributes:
        name: Its class.
        score: How sure the detector is.
        box: x0, y0, x1, y1 in whole pixels: the part of the picture that asked.
        hits: What was found.
    """

    name: str
    score: float
    box: tuple[int, int, int, int]
    hits: Hits

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        hits = [hit.to_dict() for hit in self.hits]
        return {"class": self.name, "score": round(self.score, 5), "box": list(self.box), "hits": hits}


def search_objects(
    index: Index,
    picture: str | os.PathLike[str] | NDArray[np.uint8],
    run: str | os.PathLike[str] | DetectPredictor,
    *,
    limits: Limits | None = None,
    **options: Any,
) -> list[ObjectHits]:
    """Find the objects of a picture, and search for each of them as for a region.

    Args:
        index: Where to search.
        picture: A file, or ``(H, W, 3)`` uint8.
        run: A run of the task ``detect`` or ``localize``, or a detector that is ready.
        limits: Which objects count; None for scores from 0.5 on, of a localizer for its only answer.
        options: Those of :meth:`visus.search.Index.search`, but ``region``.

    Returns:
        The objects, the most certain first; none where the detector finds none.

    Raises:
        InputError: The picture cannot be read, or an option is out of range.
    """
    if "region" in options:
        raise InputError("Every object is a region already; leave region away.")
    detecting = run if isinstance(run, DetectPredictor) else DetectPredictor(run, limits=limits)
    values = (
        picture if isinstance(picture, np.ndarray) else read(picture, max_pixels=options.get("max_pixels", MAX_PIXELS))
    )
    found = detecting.predict(values)
    objects = []
    for name, score, box in zip(found.names, found.scores.tolist(), found.boxes.tolist(), strict=True):
        region = _whole(box, values.shape)
        objects.append(ObjectHits(name, score, region, index.search(values, region=region, **options)))
    return objects


def sheet(objects: list[ObjectHits]) -> NDArray[np.uint8]:
    """Contact sheets of the objects, one below the other, ``(H, W, 3)`` uint8.

    Raises:
        InputError: There is no object.
    """
    if not objects:
        raise InputError("The detector finds no object, so there is nothing to draw; lower --conf.")
    sheets = [own.hits.sheet(columns=1 + _IN_A_ROW) for own in objects]
    widest = max(part.shape[1] for part in sheets)
    padding = [((0, 0), (0, widest - part.shape[1]), (0, 0)) for part in sheets]
    parts = [np.pad(part, pad, constant_values=draw.PAPER[0]) for part, pad in zip(sheets, padding, strict=True)]
    return np.concatenate(parts)


def _whole(box: list[float], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """The smallest region of whole pixels around a box, within the picture."""
    x0, y0 = max(0, min(math.floor(box[0]), shape[1] - 1)), max(0, min(math.floor(box[1]), shape[0] - 1))
    return x0, y0, max(x0 + 1, min(math.ceil(box[2]), shape[1])), max(y0 + 1, min(math.ceil(box[3]), shape[0]))
