"""Servers for tests."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx


@contextlib.contextmanager
def serving(*arguments: object, cwd: Path, **environment: str) -> Iterator[str]:
    """``visus serve`` as a user starts it; gives its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "visus", "serve", "--port", str(port), *map(str, arguments)]
    process = subprocess.Popen(command, cwd=cwd, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise AssertionError(process.stderr.read() if process.stderr else "it ended")
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{address}/health", timeout=5)
                break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        if process.stderr:
            process.stderr.close()
