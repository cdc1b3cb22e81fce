"""Draw what a segmenter will see of its training pictures or volumes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from visus.data.masks import IGNORE
from visus.images import draw
from visus.runs.engine.preview import places_of, prepared, write_sheet
from visus.runs.segment.fitting import blueprint, channels_of
from visus.runs.segment.prediction import as_bytes
from visus.runs.segment.task import TASK
from visus.runs.segment.training import training_windows

_TILE = 160


def preview(
    data: str | os.PathLike[str],
    path: str | os.PathLike[str],
    settings: dict[str, Any] | None = None,
    *,
    count: int = 32,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Draw a batch of windows as augmentation makes them, under the colors of their masks; of volumes one slice.

    What does not count is white, and so is the margin of a network that answers for the middle of its window.

    Args:
        data: Folder of pictures or volumes with masks.
        path: Where to write the sheet.
        settings: As for training.
        count: Windows on the sheet.
        say: Told about the data.

    Raises:
        InputError: The data or a setting cannot be used.
    """
    resolved, dataset = prepared(TASK, data, settings, say)
    net = blueprint(resolved, dataset)
    own = training_windows(resolved, dataset, gray=channels_of(resolved, dataset).get("channels") == 1, net=net)
    pictures, captions = [], []
    for place in places_of(resolved, len(own), count):
        picture, mask, *_ = own[0, place]
        pictures.append(_colored(picture, mask, dataset.palette))
        captions.append(Path(dataset.splits["train"].files[place // own.each]).name)
    pictures.append(draw.legend(dataset.classes, list(map(tuple, dataset.palette.tolist())), side=_TILE))
    captions.append("classes; the first is not drawn")
    size = "x".join(map(str, reversed(resolved.window)))
    write_sheet(path, pictures, captions, resolved, size, tile=_TILE)


def _colored(picture: Tensor, mask: Tensor, palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A window ``(C, H, W)`` uint8 under its mask, or the slice of a volume that has most of other classes."""
    values, classes = picture.numpy(), mask.numpy()
    if classes.ndim == 3:
        margin = (values.shape[1] - classes.shape[0]) // 2
        slice_ = int(((classes > 0) & (classes != IGNORE)).sum((1, 2)).argmax())
        values, classes = as_bytes(values[0])[None, margin + slice_], classes[slice_]
    shown = np.ascontiguousarray(np.repeat(values, 3 // len(values), 0).transpose(1, 2, 0))
    colors = np.full((IGNORE + 1, 3), 255, np.uint8)
    colors[: len(palette)] = palette
    around = [(own - n) // 2 for own, n in zip(shown.shape, classes.shape, strict=False)]
    whole = np.pad(classes, [(n, own - m - n) for n, own, m in zip(around, shown.shape, classes.shape, strict=False)],
                   constant_values=IGNORE)  # fmt: skip
    return np.where((whole > 0)[..., None], shown // 2 + colors[whole] // 2, shown).astype(np.uint8)
