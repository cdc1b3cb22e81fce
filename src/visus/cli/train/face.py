"""What a command that trains says of its task, beside the options that the task's settings make."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from visus._optional import require


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


def drawing(module: str) -> Callable[[str, Path, dict[str, Any]], None]:
    """What draws a training batch of a task.

    Args:
        module: Where its ``preview`` is, which is imported at use.
    """

    def show_batch(data: str, path: Path, settings: dict[str, Any]) -> None:
        require(module).preview(data, path, settings, say=typer.echo)
        typer.echo(f"Wrote {path}", err=True)

    return show_batch
