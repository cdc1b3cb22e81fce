"""Servers for tests."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


@contextlib.contextmanager
def serving(
    *arguments: object, cwd: Path, port: int | None = None, told: Path | None = None, **environment: str
) -> Iterator[str]:
    """``visus serve`` as a user starts it, at a port that is free unless one is named; gives its address.

    Args:
        arguments: Of the command.
        cwd: Where it is started.
        port: Where it listens.
        told: A file for what it says on the standard error.
        environment: Further variables.
    """
    if port is None:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
    command = [sys.executable, "-m", "visus", "serve", "--port", str(port), *map(str, arguments)]
    errors = open(told, "w+") if told else tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed below; a pipe could fill up
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stderr=errors, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None:
                errors.seek(0)
                raise AssertionError(errors.read() or "it ended")
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{address}/health", timeout=5)
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        errors.close()
