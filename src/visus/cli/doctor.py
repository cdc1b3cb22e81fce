"""``visus doctor``: how this installation is, and what would make it better."""

import json
from typing import Annotated

import typer

from visus.cli.options import AsJson

EXAMPLES = """
Examples:

    visus doctor                  what is installed, what makes it fast, and how fast it is
    visus doctor --seconds 0      without measuring
    visus doctor --json           for a program, or to be sent with a question
"""


def doctor(
    seconds: Annotated[float, typer.Option(min=0, max=600, help="Seconds of the measurement; 0 leaves it out.")] = 10.0,
    as_json: AsJson = False,
) -> None:
    """Look at this installation: packages, fast paths, weights, speed, and advice.

    It changes nothing and asks no other host. What is broken is said.
    """
    from visus.doctor import examine

    found = examine(seconds, None if as_json else lambda sentence: typer.echo(sentence, err=True))
    typer.echo(json.dumps(found.to_dict(), indent=2) if as_json else str(found))
