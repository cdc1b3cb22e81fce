"""Every write of an index fails once: the command says so in one sentence, and runs to the right end afterwards."""

import itertools
import shutil
from pathlib import Path

import pytest

from tests.support.faults import HOW, Ended, Faulty
from tests.support.pictures import folder_of, scene
from visus import Index

MODULES = ["visus.cli.app", "visus.search", "visus.search.ingest", "visus.cli.index", "cv2", "onnxruntime"]
SMALL = {
    "visus.search.ingest._COMMIT_ROWS": 4,
    "visus.search.ingest._BATCH": 2,
    "visus.search.ingest._COMPACT_EVERY": 3,
}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures, of which an index knows fourteen and one that has been deleted since."""
    place = tmp_path_factory.mktemp("start")
    folder_of(place / "photos", 15)
    Index(place / "i.visus").add(place / "photos")
    (place / "photos" / "0014.jpg").unlink()
    folder_of(place / "photos", 6, first=30)
    shutil.copytree(place / "i.visus", place / "saved.damaged")
    rows = max((place / "saved.damaged").glob("pictures.lance/data/*"), key=lambda path: path.stat().st_size)
    content = bytearray(rows.read_bytes())
    content[len(content) // 2] ^= 1
    rows.write_bytes(content)
    shutil.move(place / "i.visus", place / "saved.visus")
    return place


COMMANDS: dict[str, list[str]] = {
    "index": ["index", "photos", "--index", "i.visus"],
    "prune": ["index", "photos", "--index", "i.visus", "--prune"],
    "rotate": ["index", "--index", "i.visus", "--rotate", "4"],
    "mend": ["index", "--index", "i.visus", "--verify", "--mend"],
}

SAVED = {"mend": "saved.damaged"}
"""Commands on another saved index."""


def _fresh(place: Path, saved: str = "saved.visus") -> None:
    shutil.rmtree(place / "i.visus", ignore_errors=True)
    shutil.copytree(place / saved, place / "i.visus")


def _try(faulty: Faulty, place: Path, command: str, at: int, how: str, *, memory: bool = False) -> Ended:
    """Let one operation of a command fail, run it again, and look whether all is there."""
    _fresh(place, SAVED.get(command, "saved.visus"))
    options = {"cwd": place, "below": place / "i.visus", "patches": SMALL}
    ended, _ = faulty.run(*COMMANDS[command], at=at, how=how, memory=memory, **options)
    told = f"{command}, operation {at}, {how}: {ended}"
    assert "Traceback" not in ended.stderr, told
    assert ended.code in ((0, 2) if how != "kill" else (0, -9)) or memory, told
    known = len(Index(place / "i.visus"))
    assert known >= 14 or command == "mend", told  # what is damaged is taken out first, then described again
    again, _ = faulty.run(*COMMANDS[command], **options)
    assert again.code == 0, f"{told}; again: {again}"
    if command not in ("index", "prune"):
        faulty.run(*COMMANDS["index"], **options)
    index = Index(place / "i.visus")
    assert len(index) == 20, told
    assert len(index.search(scene(1), k=400)) == 20, told
    assert index._opened().segments("embedding").coded, told
    assert index.verify().sound, told
    rows = index._opened().read(["path", "gone"]).to_pylist()
    assert len({row["path"] for row in rows}) == len(rows), told
    return ended


def _count(faulty: Faulty, place: Path, command: str) -> int:
    _fresh(place, SAVED.get(command, "saved.visus"))
    _, operations = faulty.run(*COMMANDS[command], cwd=place, below=place / "i.visus", patches=SMALL, trace=True)
    assert {own.kind for own in operations} >= {"write", "sync", "rename"}
    return len(operations)


@pytest.mark.slow
def test_thirty_failing_operations_lose_nothing(faulty: Faulty, start: Path) -> None:
    tried = 0
    for command, share in (("index", 18), ("prune", 6), ("rotate", 6)):
        count = _count(faulty, start, command)
        places = [1 + k * (count - 1) // (share - 1) for k in range(share)]
        for at, how in zip(places, itertools.cycle(HOW), strict=False):
            _try(faulty, start, command, at, how)
            tried += 1
    assert tried == 30


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_operation_of_an_index_fails_once(
    faulty: Faulty, start: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    count = _count(faulty, start, command)
    errors = 0
    for at, how in itertools.product(range(1, count + 1), HOW):
        errors += _try(faulty, start, command, at, how).code != 0
    with capsys.disabled():
        print(f"{command}: {count * len(HOW)} points of failure tried, {errors} ended the command, nothing was lost")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_large_buffers_that_are_refused_lose_nothing(faulty: Faulty, start: Path) -> None:
    for at in (1, 2, 3, 5, 8, 13, 21, 34):
        _try(faulty, start, "index", at, "full", memory=True)
