"""``visus`` as a user types it, in this process, where the process itself is not the point: no import is done twice."""

import contextlib
import io
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

from visus.cli.app import main


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said.

    Attributes:
        returncode: Its exit code.
        stdout: What it printed.
        stderr: What it told people beside that.
    """

    returncode: int
    stdout: str
    stderr: str


def visus(*arguments: object, cwd: Path | None = None, code: int = 0) -> Answer:
    """Run a command as the console script does, and check its exit code."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv
    sys.argv = ["visus", *map(str, arguments)]
    ended: object = 0
    try:
        with (
            contextlib.chdir(cwd or "."),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            warnings.catch_warnings(),
        ):
            main()
    except SystemExit as error:
        ended = error.code
    finally:
        sys.argv = before
    answer = Answer(ended if isinstance(ended, int) else 0 if ended is None else 1, out.getvalue(), err.getvalue())
    assert answer.returncode == code, answer.stderr + answer.stdout
    return answer


def visus_process(*arguments: object, cwd: Path | None = None, code: int = 0) -> Answer:
    """Run a command in a process of its own, where imports, signals or what libraries write are the point."""
    command = [sys.executable, "-m", "visus", *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=280)
    assert found.returncode == code, found.stderr + found.stdout
    assert "Traceback" not in found.stderr
    return Answer(found.returncode, found.stdout, found.stderr)
