"""Draw what a network will see of its training pictures."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from visus.images import draw, write
from visus.nets.classification.trained import About
from visus.runs.classify.network import batches
from visus.runs.classify.resolve import geometry, resolve
from visus.runs.classify.settings import ClassifySettings
from visus.runs.classify.task import TASK
from visus.runs.engine.task import Hooks
from visus.runs.engine.training import load_for


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
    wanted = ClassifySettings.of(data, settings or {})
    dataset = load_for(TASK, wanted, Hooks(say))
    resolved = resolve(wanted, dataset)
    size, resize_to, interpolation = geometry(resolved)
    about = About("classify", resolved.net, {}, dataset.classes, size, resize_to, interpolation)
    own = batches(dataset, "train", about, resolved)
    places = np.random.default_rng(resolved.seed).permutation(len(own))[:count].tolist()
    pictures, captions = [], []
    for place in places:
        tensor, _ = own[0, place]
        pictures.append(np.ascontiguousarray(tensor.permute(1, 2, 0).numpy()))
        captions.append(own.pictures.names(place, dataset.classes))
    title = f"{Path(data).name}: {size}x{size}, augmentation {resolved.augment}"
    write(path, draw.contact_sheet(pictures, captions, columns=8, tile=max(64, min(size, 160)), title=title))
