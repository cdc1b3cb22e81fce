"""The server under load: many clients at once for a minute, beside the bare embedder.

    python -m benchmarks.serve --data DATA [--clients 32] [--seconds 60]

An index of ``corel1k`` is served on loopback; each client sends one JPEG after the other to ``POST /search``. The bare
embedder decodes and describes the same files in this process, in as many threads as there are cores.
"""

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import psutil
from tests.support.serving import serving

from visus import Index
from visus._cores import cores
from visus.images.decode import decode
from visus.search.describe import Embedder


def bare(files: list[bytes], seconds: float) -> float:
    """Pictures a second that are decoded and described, and nothing else."""
    embedder = Embedder(streams=cores())
    end = time.perf_counter() + seconds

    def work(own: list[bytes]) -> int:
        runner, done = embedder.runner(), 0
        for data in cycle(own):
            if time.perf_counter() > end:
                return done
            picture = decode(data, min_side=embedder.least_side).pixels
            runner.vectors(embedder.prepare(picture)[None])
            done += 1
        return done

    with ThreadPoolExecutor(cores()) as pool:
        return sum(pool.map(work, [files[k :: cores()] for k in range(cores())])) / seconds


_EDGE = "visus-benchmark"


def form(picture: bytes) -> bytes:
    """The body of a request, made once: the clients share the processor with the server."""
    parts = [
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="k"\r\n\r\n12\r\n'.encode(),
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="picture"; filename="p.jpg"\r\n'.encode(),
        b"Content-Type: image/jpeg\r\n\r\n" + picture + f"\r\n--{_EDGE}--\r\n".encode(),
    ]
    return b"".join(parts)


def memory(process: psutil.Process) -> float:
    """Of a process and its children, in MB."""
    return sum(own.memory_info().rss for own in [process, *process.children(recursive=True)]) / 1e6


def load(address: str, files: list[bytes], clients: int, seconds: float) -> tuple[list[float], int, list[float]]:
    """Times of all answers, how many were no answers, and the memory of the server every few seconds."""
    times: list[float] = []
    errors, lock = 0, threading.Lock()
    end = time.perf_counter() + seconds

    def client(own: Iterator[bytes]) -> None:
        nonlocal errors
        session = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
        while time.perf_counter() < end:
            started = time.perf_counter()
            session.request("POST", "/search", next(own), {"Content-Type": f"multipart/form-data; boundary={_EDGE}"})
            answer = session.getresponse()
            content = answer.read()
            with lock:
                times.append(time.perf_counter() - started)
                errors += answer.status != 200 or len(json.loads(content)["hits"]) != 12
        session.close()

    port = address.rpartition(":")[2]
    server = next(process for process in psutil.process_iter() if {"serve", port} <= set(process.cmdline()))
    bodies = [form(data) for data in files]
    threads = [threading.Thread(target=client, args=(cycle(bodies[k::clients]),)) for k in range(clients)]
    for thread in threads:
        thread.start()
    used = []
    while time.perf_counter() < end:
        used.append(memory(server))
        time.sleep(min(5.0, seconds / 6))
    for thread in threads:
        thread.join()
    return times, errors, used


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    if arguments.data is None:
        print("\nserve: skipped; name the data sets with --data DATA")
        return
    paths = sorted((arguments.data / "corel1k").rglob("*.jpg"))
    files = [path.read_bytes() for path in paths]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Index(folder / "i.visus").add(arguments.data / "corel1k")
        before = bare(files, 10)
        with serving("--index", "i.visus", cwd=folder) as address:
            load(address, files, arguments.clients, 5)  # warm
            times, errors, used = load(address, files, arguments.clients, arguments.seconds)
        after = bare(files, 10)
    embedder = statistics.mean([before, after])
    rate = len(times) / arguments.seconds
    ordered = sorted(times)
    print(
        f"\nserve: {len(files)} pictures indexed, {arguments.clients} clients for {arguments.seconds:g} s on loopback"
    )
    print(f"{len(times)} answers, {errors} errors; {rate:.1f} a second")
    print(f"p50 {1000 * ordered[len(ordered) // 2]:.0f} ms, p99 {1000 * ordered[int(0.99 * len(ordered))]:.0f} ms")
    print(f"bare embedder {embedder:.1f} pictures/s   ratio {embedder / rate:.2f}")
    print(f"memory of the server: {used[len(used) // 3]:.0f} MB after a third, {used[-1]:.0f} MB at the end")


if __name__ == "__main__":
    main()
