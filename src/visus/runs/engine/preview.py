"""What a drawing of a training batch needs, whatever the task."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from visus.images import draw, write
from visus.runs.engine.task import Hooks, Task
from visus.runs.engine.training import load_for
from visus.runs.record.settings import TrainSettings

COLUMNS = 8


def prepared(
    task: Task, data: str | os.PathLike[str], settings: dict[str, Any] | None, say: Callable[[str], None]
) -> tuple[Any, Any]:
    """Settings of a task with nothing left open, and its pictures in splits.

    Args:
        task: The task.
        data: Folder or table of pictures.
        settings: As for training.
        say: Told about the data.

    Raises:
        InputError: The data or a setting cannot be used.
    """
    wanted = task.settings.of(data, settings or {})
    dataset = load_for(task, wanted, Hooks(say))
    return task.resolve(wanted, dataset), dataset


def places_of(settings: TrainSettings, total: int, count: int) -> list[int]:
    """Positions of some of so many pictures, drawn by the seed of the settings."""
    return np.random.default_rng(settings.seed).permutation(total)[:count].tolist()


def write_sheet(
    path: str | os.PathLike[str],
    pictures: list[Any],
    captions: list[str],
    settings: TrainSettings,
    size: str,
    *,
    tile: int,
) -> None:
    """Write pictures of a batch on a sheet that says how they were changed.

    Args:
        path: The file.
        pictures: ``(H, W, 3)`` uint8 each.
        captions: What stands below each.
        settings: How is trained.
        size: What the network sees, in words.
        tile: Largest side of a picture on the sheet, in pixels.
    """
    title = f"{Path(settings.data).name}: {size}, augmentation {settings.augment}"
    write(path, draw.contact_sheet(pictures, captions, columns=COLUMNS, tile=tile, title=title))
