"""The server while one client abuses it: latency of well-behaved searches, and memory.

    python -m benchmarks.serve_abused --data DATA [--seconds 15]

Four well-behaved clients search, first alone, then beside each abuse. Server, clients and abuse share the machine, so
the figures are worse than those of a server of its own.
"""

import argparse
import contextlib
import functools
import io
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
from benchmarks.serve import load
from PIL import Image
from tests.support.serving import serving

from visus import Index

_CLIENTS = 4
_EDGE = b"Content-Type: multipart/form-data; boundary=visus-benchmark\r\n"

Abuse = Callable[[str, threading.Event], None]


@functools.cache
def bomb() -> bytes:
    """A picture of 50 megapixels in 200 kB."""
    buffer = io.BytesIO()
    Image.new("RGBA", (7071, 7071), (9, 9, 9, 9)).save(buffer, "PNG")
    return buffer.getvalue()


def bombs(address: str, end: threading.Event) -> None:
    """Such a picture, again and again."""
    with httpx.Client(base_url=address, timeout=60) as client:
        while not end.is_set():
            client.post("/search", files={"picture": bomb()})


def duplicates(address: str, end: threading.Event) -> None:
    """Duplicates, every second with other parameters."""
    number = 0
    with httpx.Client(base_url=address, timeout=60) as client:
        while not end.wait(1.0):
            number += 1
            client.get("/duplicates", params={"agreement": number % 100 / 100, "limit": number % 1000 + 1})


def slow(first: bytes) -> Abuse:
    """Connections that send something and then a byte a second."""

    def held(address: str, end: threading.Event) -> None:
        host, port = address.removeprefix("http://").split(":")
        connection: socket.socket | None = None
        while not end.wait(1.0):
            try:
                if connection is None:
                    connection = socket.create_connection((host, int(port)), timeout=10)
                    connection.sendall(first)
                connection.sendall(b"x")
            except OSError:
                if connection:
                    connection.close()
                connection = None
        if connection:
            connection.close()

    return held


ABUSES: dict[str, tuple[int, Abuse]] = {
    "16 x 50 megapixels": (16, bombs),
    "80 x duplicates": (80, duplicates),
    "200 slow headers": (200, slow(b"GET / HTTP/1.1\r\nA: ")),
    "200 slow bodies": (
        200,
        slow(b"POST /search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000\r\n" + _EDGE + b"\r\n"),
    ),
}
"""By name: how many threads, and what each does."""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--only", default="", help="Abuses whose name has this.")
    arguments = parser.parse_args()
    if arguments.data is None:
        print("\nserve_abused: skipped; name the data sets with --data DATA")
        return
    files = [path.read_bytes() for path in sorted((arguments.data / "corel1k").rglob("*.jpg"))]
    bomb()  # made beforehand
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Index(folder / "i.visus").add(arguments.data / "corel1k")
        with serving("--index", "i.visus", cwd=folder) as address:
            load(address, files, _CLIENTS, 5)  # warm
            port = address.rpartition(":")[2]
            process = next(own for own in psutil.process_iter() if {"serve", port} <= set(own.cmdline()))
            idle = rss(process)
            times, errors, _ = load(address, files, _CLIENTS, arguments.seconds)
            quiet = p99(times)
            print(f"\nserve_abused: {_CLIENTS} well-behaved clients, {arguments.seconds:g} s each")
            print(f"{'quiet':20} p99 {1000 * quiet:5.0f} ms         {errors} errors, {idle:.0f} MB")
            for name, (count, abuse) in ABUSES.items():
                if arguments.only not in name:
                    continue
                with abused(count, abuse, address):
                    times, errors, used = load(address, files, _CLIENTS, arguments.seconds)
                time.sleep(5)
                after = rss(process)
                print(
                    f"{name:20} p99 {1000 * p99(times):5.0f} ms, {p99(times) / quiet:4.1f} x, {errors} errors, "
                    f"at most {max(used):.0f} MB, 5 s after {after:.0f} MB ({after / idle:.2f} x)"
                )


def rss(process: psutil.Process) -> float:
    """Of the server itself, in MB."""
    return process.memory_info().rss / 1e6


def p99(times: list[float]) -> float:
    """The time that one in a hundred exceeds."""
    return sorted(times)[int(0.99 * len(times))]


@contextlib.contextmanager
def abused(count: int, abuse: Abuse, address: str):
    """While this lasts, so many threads abuse the server."""
    end = threading.Event()
    threads = [threading.Thread(target=_quietly, args=(abuse, address, end)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()


def _quietly(abuse: Abuse, address: str, end: threading.Event) -> None:
    while not end.is_set():
        with contextlib.suppress(httpx.HTTPError):
            abuse(address, end)


if __name__ == "__main__":
    main()
