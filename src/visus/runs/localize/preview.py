"""Draw what a localizer will see of its training pictures."""

import os
from collections.abc import Callable
from typing import Any

from visus.runs.detect import preview as detection
from visus.runs.localize.task import TASK


def preview(
    data: str | os.PathLike[str],
    path: str | os.PathLike[str],
    settings: dict[str, Any] | None = None,
    *,
    count: int = 24,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Draw a batch of training pictures as augmentation makes them, with their object.

    Args:
        data: Folder of pictures with boxes.
        path: Where to write the sheet.
        settings: As for training.
        count: Pictures on the sheet.
        say: Told about the data.

    Raises:
        InputError: The data or a setting cannot be used.
    """
    detection.preview(data, path, settings, count=count, task=TASK, keeps_objects=True, say=say)
