"""Vectors in memory answer as the table does."""

import threading
from pathlib import Path

import pytest

from tests.support.pictures import folder_of
from visus import Index
from visus.search.nearest import COLUMNS
from visus.search.vector_cache import VectorCache


@pytest.fixture
def index(tmp_path: Path) -> Index:
    folder_of(tmp_path / "photos", 20)
    made = Index(tmp_path / "i.visus")
    made.add(tmp_path / "photos")
    return made


@pytest.mark.parametrize("whitened", [False, True])
def test_the_same_hits_as_a_scan(index: Index, tmp_path: Path, whitened: bool) -> None:
    if whitened:
        index.whiten(6)
    holding = Index(index.location)
    holding.use(holding.embedder(), VectorCache(COLUMNS))
    for number in (0, 7):
        for k in (1, 5, 20, 50):
            query = tmp_path / "photos" / f"{number:04d}.jpg"
            ours, theirs = (own.search(query, k=k) for own in (holding, index))
            assert [hit.path for hit in ours] == [hit.path for hit in theirs]
            assert [hit.score for hit in ours] == pytest.approx([hit.score for hit in theirs], abs=2e-3)
            assert {hit.width for hit in ours} == {hit.width for hit in theirs}


def test_what_is_added_and_gone_is_seen(index: Index, tmp_path: Path) -> None:
    holding = Index(index.location)
    holding.use(holding.embedder(), VectorCache(COLUMNS))
    photos = tmp_path / "photos"
    assert len(holding.search(photos / "0000.jpg", k=50)) == 20
    folder_of(photos, 3, first=20)
    (photos / "0005.jpg").unlink()
    index.add(photos)
    found = {hit.path for hit in holding.search(photos / "0000.jpg", k=50)}
    assert len(found) == 22
    assert str(photos / "0005.jpg") not in found


def test_a_large_index_is_scanned(index: Index, tmp_path: Path) -> None:
    held = VectorCache(COLUMNS, limit=19 * 1280 * 4)
    holding = Index(index.location)
    holding.use(holding.embedder(), held)
    assert holding.search(tmp_path / "photos" / "0003.jpg")[0].path.endswith("0003.jpg")
    assert held._rows is None


def test_threads_share_what_is_held(index: Index, tmp_path: Path) -> None:
    held, found = VectorCache(COLUMNS), []

    def ask(number: int) -> None:
        own = Index(index.location)
        own.use(index.embedder(), held)
        found.append(own.search(tmp_path / "photos" / f"{number:04d}.jpg")[0].path)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [str(tmp_path / "photos" / f"{number:04d}.jpg") for number in range(8)]
