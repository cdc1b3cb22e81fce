"""``visus train``: one command for each task, with the options that its settings make."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from visus._errors import InputError
from visus.cli.options import CLUSTER
from visus.cli.settings import file_of_settings, options_of, parameter, values_of
from visus.cli.train import classify, detect, localize, segment
from visus.cli.train.face import Face
from visus.cli.train.running import TrainingBar, go_on, run_training
from visus.cluster import cluster_for
from visus.runs.engine.task import Task
from visus.runs.record.settings import DATA, PLACE
from visus.runs.registry import TASKS, task_of

EXAMPLES = """
Examples:

    visus train classify flowers
    visus train localize birds
    visus train segment camvid --backbone efficientnet_lite0
    visus train detect cells
"""

FACES: dict[str, Face] = {
    "classify": classify.FACE,
    "localize": localize.FACE,
    "segment": segment.FACE,
    "detect": detect.FACE,
}
"""What the command of each task says; a task without a line here is described by what it wants."""

_CONFIG = typer.Option(metavar="TOML", help="Settings from a file; options go before it.", rich_help_panel=PLACE)
_RUNS = typer.Option(help="Where runs are kept.", rich_help_panel=PLACE)
_RESUME = typer.Option(metavar="RUN", help="Go on with a stopped run.", rich_help_panel=PLACE)
_QUIET = typer.Option("--quiet", help="Say nothing but where the run is.", rich_help_panel=PLACE)
_JSON = typer.Option("--json", help="Print each event as a line of JSON.", rich_help_panel=PLACE)
_SHOW_BATCH = typer.Option(metavar="PICTURE", help="Draw a training batch, and stop.", rich_help_panel=DATA)


def trainer(tasks: dict[str, str]) -> typer.Typer:
    """The group of commands that train, one for each task of a table."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", help="Train a network on your own pictures.")
    for name in tasks:
        task = task_of(name)
        face = FACES.get(name) or Face(f"Train a network of {name}.", f"{task.wanted.capitalize()}.")
        group.command(name=name, epilog=face.examples)(_command(task, face))
    return group


def _command(task: Task, face: Face) -> Callable[..., None]:
    """The command of a task: its data, an option for each of its settings, and where it trains."""

    def command(data: Path | None = None, **given: Any) -> None:
        _train(task, face, data, given)

    data = Annotated[Path | None, typer.Argument(metavar="DATA", help=face.data)]
    parameters = [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=data),
        *options_of(task.settings),
        parameter("config", Annotated[Path | None, _CONFIG], None),
        parameter("runs", Annotated[Path, _RUNS], Path("runs")),
        parameter("resume", Annotated[Path | None, _RESUME], None),
        parameter("quiet", Annotated[bool, _QUIET], False),
        parameter("json", Annotated[bool, _JSON], False),
        *(parameter(name, annotation, default) for name, (annotation, default) in CLUSTER.items()),
    ]
    if face.show_batch:
        parameters.append(parameter("show_batch", Annotated[Path | None, _SHOW_BATCH], None))
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess] - PEP 362
    command.__annotations__ = {own.name: own.annotation for own in parameters}
    command.__doc__ = f"""{face.help}

    The run lands in RUNS/{task.name}/NAME-N with its best weights, metrics and plots. Stop it at any time, even with
    kill -9, and go on with --resume.
    """
    return command


def _train(task: Task, face: Face, data: Path | None, given: dict[str, Any]) -> None:
    """Train, go on with a run, or draw a batch.

    Raises:
        InputError: An option cannot be, or there is no data.
    """
    cluster = cluster_for(*(given[name] for name in CLUSTER))
    config, resume, show = given["config"], given["resume"], given.get("show_batch")
    options = values_of(task.settings, given)
    bar = TrainingBar(quiet=given["quiet"], as_json=given["json"])
    if resume:
        workers = options.pop("workers", None)
        if options or config or show:
            raise InputError(
                "--resume goes on with the settings of the run; leave the other options away, but for --workers."
            )
        go_on(task.name, resume, data, cluster, bar, workers=workers)
        return
    values = {**file_of_settings(config, task.settings), **options}
    named = values.pop("data", None)
    if data is None and named is None:
        raise InputError(f"Name a folder of {task.wanted}, for example: visus train {task.name} pictures")
    source = str(data or named)
    if show and (given["quiet"] or given["json"]):
        raise InputError("--show-batch draws and stops, so there is nothing to tell; leave --quiet and --json away.")
    if show and face.show_batch:
        face.show_batch(source, show, values)
    else:
        run_training(task.name, source, values, given["runs"], cluster, bar)


app = trainer(TASKS)
