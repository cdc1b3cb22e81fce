"""Draw what a classifier will see of its training pictures."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from visus.nets.classification.trained import About
from visus.runs.classify.network import batches
from visus.runs.classify.resolve import geometry
from visus.runs.classify.task import TASK
from visus.runs.engine.preview import places_of, prepared, write_sheet


def preview(
    data: str | os.PathLike[str],
    path: str | os.PathLike[str],
    settings: dict[str, Any] | None = None,
    *,
    count: int = 32,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Draw a batch of training pictures as augmentation makes them, with their classes.

    Args:
        data: Folder or table of labeled pictures.
        path: Where to write the sheet.
        settings: As for training.
        count: Pictures on the sheet.
        say: Told about the data.

    Raises:
        InputError: The data or a setting cannot be used.
    """
    resolved, dataset = prepared(TASK, data, settings, say)
    size, resize_to, interpolation = geometry(resolved)
    about = About("classify", resolved.net, {}, dataset.classes, size, resize_to, interpolation)
    own = batches(dataset, "train", about, resolved)
    pictures, captions = [], []
    for place in places_of(resolved, len(own), count):
        tensor, _ = own[0, place]
        pictures.append(np.ascontiguousarray(tensor.permute(1, 2, 0).numpy()))
        captions.append(own.pictures.names(place, dataset.classes))
    write_sheet(path, pictures, captions, resolved, f"{size}x{size}", tile=max(96, min(size, 160)))
