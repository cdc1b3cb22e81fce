"""The tasks, one line each, and whatever asks a task by its name."""

import os
from collections.abc import Callable
from typing import Any

from visus._errors import InputError
from visus._optional import require
from visus.runs.engine.task import Task

TASKS: dict[str, str] = {
    "classify": "visus.runs.classify.task",
    "localize": "visus.runs.localize.task",
    "segment": "visus.runs.segment.task",
    "detect": "visus.runs.detect.task",
}
"""The module of each task, which holds it as ``TASK``."""


def task_of(name: str) -> Task:
    """A task by name.

    Raises:
        InputError: There is none of that name.
    """
    if name not in TASKS:
        raise InputError(f"The task must be one of {', '.join(TASKS)}, not {name!r}.")
    return require(TASKS[name]).TASK


def answering(
    run: str | os.PathLike[str],
    task: str,
    options: dict[str, Any],
    by_graph: bool = False,
) -> Callable[[list[str]], list[Any]]:
    """What answers files in batches, here or in a process of a cluster (see :func:`visus.runs.answers.answers`).

    Args:
        run: A trained network.
        task: Its task.
        options: Of its predictor.
        by_graph: Whether the graph of the run answers, without PyTorch.

    Raises:
        RunError: There is no trained network.
    """
    room = task_of(task)
    predictor = (room.graph_predictor if by_graph else room.predictor)(run, **options)
    return lambda files: list(predictor.predict_many(files))
