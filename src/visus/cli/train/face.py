"""What a command that trains says of its task, beside the options that the task's settings make."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Face:
    """The words of a command that trains.

    Attributes:
        help: What it does, one sentence.
        data: Which data it takes.
        examples: Shown below its options.
        show_batch: Draws a training batch to a file, from the data and the settings, where the task can.
    """

    help: str
    data: str
    examples: str = ""
    show_batch: Callable[[str, Path, dict[str, Any]], None] | None = None
