"""Every command that the README and the guide show is one that visus understands."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from docs import docstrings

from tests.support.photographs import photographs
from visus.cli.app import command_line

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page: Path) -> list[str]:
    """``$ visus ...`` in consoles, and `visus ...` in tables."""
    text = page.read_text(encoding="utf-8")
    consoles = re.findall(r"^\$ (?:\w+=\S+ )*(visus .*)$", text, re.MULTILINE)
    cells = re.findall(r"\| `(visus [^`]*)` \|", text)
    return [re.split(r"\s+#\s|\s>\s|\s&&\s", line)[0] for line in [*consoles, *cells]]


def parsed(line: str) -> None:
    """Parse a command as the command line does, without doing it."""
    command: Any = typer.main.get_command(command_line())
    name, *rest = shlex.split(line)
    context = command.make_context(name, rest)
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_guide_is_understood(page: Path) -> None:
    for line in commands(page):
        try:
            parsed(line)
        except Exception as error:  # whatever the parser says
            pytest.fail(f"{page.name}: {line}: {error!r}")


def test_docstrings_are_as_complete_as_they_should_be() -> None:
    counts = docstrings.measure()
    for name, goal in docstrings.GOALS.items():
        assert counts[name].share >= goal, counts[name].missing[:10]
    assert not counts["riddles"].missing


def test_photographs_that_pictures_are_made_of_are_there() -> None:
    named = set()
    for path in (ROOT / "docs" / "make_pictures.py", *(ROOT / "docs" / "gallery").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r'photographs\(\)\["(\w+)"\]', text))
    assert len(named) > 5
    assert named <= photographs().keys()


def test_there_are_commands_to_check() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 90


def test_the_parser_refuses_what_is_wrong() -> None:
    for line in ("visus serch cat.jpg", "visus search cat.jpg --wher x", "visus explain magic net cat.jpg"):
        with pytest.raises(Exception):  # noqa: B017, PT011 - of the parser's own kinds
            parsed(line)
