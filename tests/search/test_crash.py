"""kill -9, and two processes at once: nothing that was reported is lost, nothing is doubled."""

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support.pictures import folder_of
from visus import Index
from visus.search.place import exists, writing
from visus.search.rows import to_numpy
from visus.search.store import Store

# Commits after every batch and joins fragments often, and says after each commit what is safe.
_CHILD = """
import sys
from visus import Index
from visus.search import ingest
ingest._BATCH, ingest._COMMIT_ROWS, ingest._COMPACT_EVERY = 2, 1, 3
print("start", flush=True)
said = -1
def show(progress):
    global said
    if progress.committed != said:
        said = progress.committed
        print(said, flush=True)
report = Index(sys.argv[1]).add(sys.argv[2], progress=show)
print("end", report.added, flush=True)
"""


def _start(index: Path, photos: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _CHILD, str(index), str(photos)], stdout=subprocess.PIPE, text=True)


def _kill_at_random(index: Path, photos: Path, commits: int, delay: float) -> int:
    """Start an update, kill it a moment after so many commits, and tell how many pictures it reported as added."""
    lines: list[str] = []
    with _start(index, photos) as child:
        assert child.stdout is not None
        reader = threading.Thread(target=lambda: lines.extend(iter(child.stdout.readline, "")))  # pyright: ignore
        reader.start()
        while len(lines) <= commits and child.poll() is None:
            time.sleep(0.001)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        reader.join()
    return max([int(line) for line in lines if line.strip().isdigit()], default=0)


def _check(index: Path, least: int) -> int:
    """The index opens, holds no double rows, and no less than was reported."""
    if not exists(index):
        assert least == 0
        return 0
    rows = Store(index).read(["id", "path", "hash", "embedding"])
    paths = rows.column("path").to_pylist()
    assert len(paths) >= least
    assert len(set(paths)) == len(paths)
    assert len(set(rows.column("id").to_pylist())) == len(paths)
    assert np.allclose(np.linalg.norm(to_numpy(rows.column("embedding")), axis=1), 1, atol=1e-3)
    return len(paths)


def _kills(tmp_path: Path, count: int) -> None:
    folder_of(tmp_path / "photos", 60)
    index, there = tmp_path / "k.visus", 0
    generator, kept = random.Random(0), []
    for _ in range(count):
        commits, delay = generator.randrange(8), generator.uniform(0, 0.1)  # commits: however slow the machine is
        reported = _kill_at_random(index, tmp_path / "photos", commits, delay)
        there = _check(index, there + reported)
        kept.append(there)
        if there == 60:
            assert Index(index).add(tmp_path / "photos").unchanged == 60
            index = tmp_path / f"k{len(kept)}.visus"  # begin anew
            there = 0
    assert len(set(kept)) > 2  # the kills struck at different moments
    Index(index).add(tmp_path / "photos")
    assert _check(index, 60) == 60


def test_kill(tmp_path: Path) -> None:
    _kills(tmp_path, 6)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kill_fifty_times(tmp_path: Path) -> None:
    _kills(tmp_path, 50)


def test_two_processes_at_once(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos" / "a", 25)
    folder_of(tmp_path / "photos" / "b", 25, first=25)
    index = tmp_path / "two.visus"
    children = [_start(index, tmp_path / "photos"), _start(index, tmp_path / "photos" / "b")]
    added = 0
    for child in children:
        output, _ = child.communicate(timeout=200)
        assert child.returncode == 0
        added += int(output.strip().rsplit(" ", 1)[-1])
    assert added == 50
    assert _check(index, 50) == 50


def test_the_second_process_says_that_it_waits(tmp_path: Path) -> None:
    folder_of(tmp_path / "photos", 4)
    index = tmp_path / "w.visus"
    command = [sys.executable, "-m", "visus", "index", str(tmp_path / "photos"), "--index", str(index)]
    with writing(index):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert child.stderr is not None
        assert "waiting for it" in child.stderr.readline()
    output, _ = child.communicate(timeout=60)
    assert "4 added" in output


@pytest.mark.slow
def test_searching_while_another_process_adds(tmp_path: Path) -> None:
    paths = folder_of(tmp_path / "photos", 60)
    index = tmp_path / "live.visus"
    Index(index).add(*paths[:5])
    with _start(index, tmp_path / "photos") as child:
        while child.poll() is None:
            hits = Index(index).search(paths[2], k=3)
            assert hits.paths[0] == str(paths[2])
    assert child.returncode == 0
    assert len(Index(index)) == 60
