"""Draw what a detector or a localizer will see of its training pictures."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from visus.data.box_batches import BoxBatches
from visus.data.joint_boxes import JointBoxes
from visus.data.masks import colors
from visus.images import draw
from visus.runs.detect.task import TASK
from visus.runs.engine.preview import places_of, prepared, write_sheet
from visus.runs.engine.task import Task

_TILE = 200


def preview(
    data: str | os.PathLike[str],
    path: str | os.PathLike[str],
    settings: dict[str, Any] | None = None,
    *,
    count: int = 24,
    task: Task = TASK,
    keeps_objects: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Draw a batch of training pictures as augmentation makes them, with their boxes; crowds are left out.

    Args:
        data: Folder of pictures with boxes.
        path: Where to write the sheet.
        settings: As for training.
        count: Pictures on the sheet.
        task: Detection, or localization.
        keeps_objects: Whether random changes may take no object away.
        say: Told about the data.

    Raises:
        InputError: The data or a setting cannot be used.
    """
    resolved, dataset = prepared(task, data, settings, say)
    joint = JointBoxes(resolved.augment or "none", resolved.flip)
    pasted = 0.0 if keeps_objects else resolved.copy_paste
    own = BoxBatches(dataset.splits["train"], joint, seed=resolved.seed, keep=keeps_objects, pasted=pasted)
    palette = list(map(tuple, colors(1 + len(dataset.classes))[1:].tolist()))
    pictures, captions = [], []
    for place in places_of(resolved, len(own), count):
        picture, target = own[0, place]
        names = [dataset.classes[k] for k in target["labels"].tolist()]
        shown = np.ascontiguousarray(picture.permute(1, 2, 0).numpy())
        own_colors = [palette[k] for k in target["labels"].tolist()]
        pictures.append(draw.boxes_on_tile(shown, target["boxes"].numpy(), names, own_colors, side=_TILE))
        captions.append(f"{len(names)} {'object' if len(names) == 1 else 'objects'}")
    write_sheet(path, pictures, captions, resolved, f"shorter side {resolved.side}", tile=_TILE)
