"""Write the reference of the command line, ``docs/cli.md``, from the commands themselves.

python -m docs.make_cli
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import typer
from typer.models import ArgumentInfo, OptionInfo

PAGE = Path(__file__).with_name("cli.md")
_HEAD = """# The command line

Every command and every option, written by `python -m docs.make_cli` from the commands themselves, as
`visus COMMAND --help` prints them.
`visus --install-completion` lets the shell complete them; `python -m visus` is `visus`.
"""


def reference() -> str:
    """The page."""
    from visus.cli.app import command_line

    return "\n".join([_HEAD, *_section(command_line(), "visus")]).rstrip() + "\n"


def _section(group: typer.Typer, name: str) -> list[str]:
    """The commands of a group, and those below them."""
    parts: list[str] = []
    for command in group.registered_commands:
        assert command.callback is not None
        parts += _about(command.callback, f"{name} {command.name}", command.epilog)
    for below in group.registered_groups:
        assert below.typer_instance is not None
        parts += _section(below.typer_instance, f"{name} {below.name}")
    return parts


def _about(call: Callable[..., object], name: str, epilog: str | None) -> list[str]:
    """A command: what it does, what it takes, examples."""
    parameters = [(p, *_marked(p)) for p in inspect.signature(call, eval_str=True).parameters.values()]
    arguments = [(p, kind, about) for p, kind, about in parameters if isinstance(about, ArgumentInfo)]
    options = [(p, kind, about) for p, kind, about in parameters if isinstance(about, OptionInfo)]
    usage = [_value(p, kind, about) for p, kind, about in arguments]
    parts = [f"## `{name}`", "", "```text", " ".join([name, *usage, "[OPTIONS]"]), "```", ""]
    parts += [_text(inspect.getdoc(call) or ""), "", "| | |", "|---|---|"]
    parts += [f"| `{_value(p, kind, about)}` | {_cell(about.help)} |" for p, kind, about in arguments]
    parts += [_option(p, kind, about) for p, kind, about in options]
    if epilog:
        examples = re.sub(r"^\s*Examples:\s*\n+", "", epilog).rstrip()
        parts += ["", "```text", *(line.removeprefix("    ").rstrip() for line in examples.splitlines()), "```"]
    return [*parts, ""]


def _marked(parameter: inspect.Parameter) -> tuple[Any, Any]:
    """The type of a parameter, and what typer is told of it."""
    kind, *marks = get_args(parameter.annotation) or (parameter.annotation,)
    about = next(mark for mark in marks if isinstance(mark, ArgumentInfo | OptionInfo))
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (own for own in get_args(kind) if own is not type(None))
    return kind, about


def _option(parameter: inspect.Parameter, kind: Any, about: OptionInfo) -> str:
    """A line of the table."""
    plain = f"--{parameter.name.replace('_', '-')}"
    first = [about.default] if isinstance(about.default, str) else []  # typer's place for the first name
    given = [*first, *(about.param_decls or ())]
    names = ", ".join(given or ([f"{plain}/--no-{plain[2:]}"] if kind is bool else [plain]))
    value = "" if kind is bool else f" {_value(parameter, kind, about)}"
    text, default = _cell(about.help), parameter.default
    said = default is not None and default is not parameter.empty and not isinstance(default, bool)
    shown = said and "[default:" not in text
    return f"| `{names}{value}` | {text}{f' [default: {default}]' if shown else ''} |"


def _value(parameter: inspect.Parameter, kind: Any, about: ArgumentInfo | OptionInfo) -> str:
    """What stands for the value."""
    if about.metavar:
        return about.metavar.strip("[]").replace("|", " or ")
    if get_origin(kind) is list:
        (kind,) = get_args(kind)
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    named = {str: "TEXT", int: "N", float: "X", Path: "PATH"}
    return parameter.name.upper() if isinstance(about, ArgumentInfo) else named[kind]


def _text(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("  [", " [")


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
