"""Options of a command from the settings of a task: each setting is stated once, in its dataclass."""

import inspect
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer

from visus._errors import InputError
from visus.cli.options import fraction, numbers
from visus.runs.record.fields import Known, bounds, known_settings
from visus.runs.record.settings import TrainSettings, read_values


def parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - a type and its value
    """A parameter of a command that is put together."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def options_of(kind: type[TrainSettings]) -> list[inspect.Parameter]:
    """An option for each setting of a task that has one; one that is not given is None."""
    return [
        parameter(name, Annotated[_type(known) | None, _option(kind, known)], None)
        for name, known in known_settings(kind).items()
        if known.about.panel
    ]


def values_of(kind: type[TrainSettings], given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, as plain values.

    Raises:
        InputError: One cannot be read.
    """
    known = known_settings(kind)
    return {name: value_of(known[name], value) for name, value in given.items() if name in known and value is not None}


def value_of(known: Known, given: Any) -> Any:  # noqa: ANN401 - what the command line gave
    """A setting from what the command line gave.

    Raises:
        InputError: It cannot be read.
    """
    if known.about.fraction:
        return fraction(option_of(known), given)
    if known.kind == tuple[int, ...]:
        return whole_numbers(option_of(known), given, empty=known.about.empty)
    if get_origin(known.kind) is tuple and get_args(known.kind)[0] is float:
        return numbers(option_of(known), given, len(get_args(known.kind)))
    return tuple(given) if get_origin(known.kind) is tuple else given


def option_of(known: Known) -> str:
    """What the command line calls a setting.

    >>> from visus.runs.detect.settings import DetectSettings
    >>> [option_of(known_settings(DetectSettings)[name]) for name in ("sizes", "batch_size")]
    ['--anchors', '--batch-size']
    """
    return known.about.option.partition("/")[0] or f"--{known.name.replace('_', '-')}"


def whole_numbers(option: str, text: str, *, empty: bool = False) -> tuple[int, ...]:
    """Whole numbers above 0 from ``256,128``; none of them from ``none``, where that may be.

    Raises:
        InputError: They are not.

    >>> whole_numbers("--hidden", "256,128"), whole_numbers("--hidden", "none", empty=True)
    ((256, 128), ())
    """
    if empty and text.strip().lower() == "none":
        return ()
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        none = ", or none" if empty else ""
        raise InputError(f"{option} must be whole numbers above 0 such as 256 or 240,320{none}, not {text!r}.")
    return tuple(int(part) for part in parts)


def _type(known: Known) -> Any:  # noqa: ANN401 - a type
    """What Typer asks for."""
    if get_origin(known.kind) is tuple:
        return list[str] if known.choices or get_args(known.kind)[0] is str else str
    return str if known.about.fraction else known.kind


def _option(kind: type[TrainSettings], known: Known) -> Any:  # noqa: ANN401 - Typer's
    """An option with its help, its bounds and what stands for it when it is not given."""
    about = known.about
    usual = kind.usual.get(known.name) or about.default or _said(known)
    text = f"{about.text}  [default: {usual}]" if usual else about.text
    flags = [about.option] if about.option else []
    if known.kind is bool and not flags:
        name = option_of(known)
        flags = [name if known.default is False else f"{name}/--no-{name[2:]}"]
    least = int(bounds(about.within)[0]) if known.whole and about.within else None
    return typer.Option(*flags, help=text, min=least, metavar=about.metavar or None, rich_help_panel=about.panel)


def _said(known: Known) -> str:
    """A default as the command line takes it; nothing for one that stands for nothing."""
    if known.kind is bool:
        yes, _, no = known.about.option.partition("/")
        return (yes if known.default else no).lstrip("-")
    if isinstance(known.default, tuple):
        return ",".join(map(str, known.default))
    return str(known.default) if known.default else ""


def file_of_settings(config: Path | None, kind: type[TrainSettings]) -> dict[str, Any]:
    """The settings of a file, if one is named.

    Raises:
        InputError: It is missing or damaged, or of another task.
    """
    return {} if config is None else read_values(config, kind)
