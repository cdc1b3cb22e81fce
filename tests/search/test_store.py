"""The table: versions, damage, approximate search, upkeep."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.support.pictures import folder_of, scene
from visus import Index, InputError, PictureIndexError
from visus.search import checksums, upkeep
from visus.search import store as module
from visus.search.describe import unit
from visus.search.place import exists, sentence_of, writing
from visus.search.rows import to_arrow, to_numpy
from visus.search.store import Store
from visus.search.upkeep import compact

ABOUT = {"descriptor": "embedding", "model": "efficientnet_lite0", "digest": "0", "dimension": 32}


def synthetic(location: Path, count: int, *, first: int = 0, dtype: str = "float16") -> Store:
    """A table of random clustered vectors."""
    place = Store(location) if exists(location) else Store.create(location, ABOUT, dtype)  # pyright: ignore
    random = np.random.default_rng(first)
    centers = np.random.default_rng(7).normal(size=(50, 32))
    vectors = unit(centers[random.integers(0, 50, count)] + 0.5 * random.normal(size=(count, 32)))
    columns = {
        "id": np.arange(first, first + count),
        "path": [f"/p/{k}.jpg" for k in range(first, first + count)],
        "mtime": np.zeros(count, "datetime64[ns]"),
        "size": np.zeros(count, np.int64),
        "hash": [bytes(16)] * count,
        "width": np.full(count, 10, np.int32),
        "height": np.full(count, 10, np.int32),
        "thumbnail": [b""] * count,
        "seen": np.zeros(count, "datetime64[ms]"),
        "gone": np.zeros(count, bool),
        "embedding": to_arrow(vectors, dtype),  # pyright: ignore
    }
    columns |= {field.name: pa.nulls(count, field.type) for field in place.schema if field.name not in columns}
    place.append(pa.table(columns).select(place.schema.names).cast(place.schema))
    return place


def test_vectors_round_trip_through_arrow() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(7, 5)))
    assert np.array_equal(to_numpy(to_arrow(vectors, "float32")), vectors)
    assert np.abs(to_numpy(to_arrow(vectors, "float16")) - vectors).max() < 1e-3


def test_many_small_commits_are_joined(tmp_path: Path) -> None:
    for k in range(12):
        synthetic(tmp_path / "a.visus", 3, first=3 * k)
    place = Store(tmp_path / "a.visus")
    assert len(place.table.get_fragments()) >= 12
    compact(place)
    assert len(place.table.get_fragments()) == 1
    assert sorted(place.read(["id"]).column("id").to_pylist()) == list(range(36))


def test_a_reader_is_not_disturbed_by_compaction(tmp_path: Path) -> None:
    for k in range(5):
        synthetic(tmp_path / "a.visus", 3, first=3 * k)
    reader, writer = Store(tmp_path / "a.visus"), Store(tmp_path / "a.visus")
    writer.delete("id < 6")
    compact(writer)
    assert reader.count() == 15
    reader.refresh()
    assert reader.count() == 9


def test_only_versions_that_were_followed_long_ago_are_cleaned_up() -> None:
    from datetime import datetime, timedelta

    now, minutes = datetime(2026, 1, 2), timedelta(minutes=1)
    ages = [500, 400, 9, 3]  # a reader of the second version may have opened it ten minutes ago
    versions = [{"version": k, "timestamp": now - age * minutes} for k, age in enumerate(ages, 1)]
    assert upkeep.superseded(versions, now, 10 * minutes) == [1]
    assert upkeep.superseded(versions[:1], now, 10 * minutes) == []


def test_superseded_versions_are_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    for k in range(5):
        synthetic(tmp_path / "a.visus", 3, first=3 * k)
    place = Store(tmp_path / "a.visus")
    monkeypatch.setattr(upkeep, "_KEEP", timedelta(seconds=-60))
    compact(place)
    assert len(place.table.versions()) == 2  # where the newest is damaged, the one before it is used
    assert checksums.noted(place.files) == [version["version"] for version in reversed(place.table.versions())]
    assert Store(tmp_path / "a.visus").count() == 15


def test_errors_of_the_disk_are_told_apart(tmp_path: Path) -> None:
    for text, words in (
        ("LanceError(IO): Disk quota exceeded (os error 122), /a/b.rs:1", "no room left"),
        ("LanceError(IO): No space left on device (os error 28)", "no room left"),
        ("LanceError(IO): Read-only file system (os error 30)", "change its permissions"),
        ("LanceError(IO): Permission denied (os error 13)", "change its permissions"),
        ("LanceError(IO): Input/output error (os error 5)", "out of reach"),
        ("", "out of reach"),
    ):
        message = str(sentence_of(tmp_path, OSError(text)))
        assert words in message
        assert "delete" not in message


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(module, "FORMAT", 4)
        synthetic(tmp_path / "a.visus", 3)
    with pytest.raises(PictureIndexError, match=r"newer visus \(format 4.*pip install --upgrade visus"):
        Store(tmp_path / "a.visus")


def test_a_foreign_table_and_a_foreign_folder_are_refused(tmp_path: Path, photos: Path) -> None:
    import lance

    lance.write_dataset(pa.table({"a": [1]}), str(tmp_path / "f.visus" / "pictures.lance"))
    with pytest.raises(PictureIndexError, match="not made by visus"):
        Store(tmp_path / "f.visus")
    before = sorted(photos.iterdir())
    with pytest.raises(InputError, match="holds other files"):
        Index(photos).add(photos)
    assert sorted(photos.iterdir()) == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        Index(tmp_path / "file").add(photos)


def _damage_manifest(table: Path) -> None:
    for manifest in table.parent.rglob("*.manifest"):
        manifest.write_bytes(manifest.read_bytes()[:20])


def _damage_data(table: Path) -> None:
    for data in (table / "data").iterdir():
        data.write_bytes(data.read_bytes()[:50])


def _lose_data(table: Path) -> None:
    shutil.rmtree(table / "data")


@pytest.mark.parametrize("harm", [_damage_data, _lose_data])
def test_rows_that_are_lost_are_said_and_described_again(tmp_path: Path, photos: Path, harm: object) -> None:
    Index(tmp_path / "a.visus").add(photos)
    harm(tmp_path / "a.visus" / "pictures.lance")  # pyright: ignore[reportCallIssue]
    with pytest.raises(PictureIndexError, match="--verify --mend"):
        Index(tmp_path / "a.visus").search(scene(1))
    report = Index(tmp_path / "a.visus").add(photos)
    assert report.added == 12
    assert "12 rows were missing or damaged" in (report.note or "")
    again = Index(tmp_path / "a.visus").search(scene(1))
    assert len(again) == 12
    assert not again.notes


def test_a_damaged_index_is_one_clear_sentence(tmp_path: Path, photos: Path) -> None:
    index = Index(tmp_path / "a.visus")
    index.add(photos)
    _damage_manifest(tmp_path / "a.visus" / "pictures.lance")
    with pytest.raises(PictureIndexError, match="damaged") as caught:
        Index(tmp_path / "a.visus").search(scene(1))
    assert "remove it and index the pictures again" in str(caught.value)


def test_an_index_whose_making_was_interrupted_is_made(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "a.visus" / "pictures.lance" / "data").mkdir(parents=True)
    (tmp_path / "a.visus" / "pictures.lance" / "data" / "half.lance").write_bytes(b"half")
    assert Index(tmp_path / "a.visus").add(photos).added == 12


def test_an_interrupted_making_without_a_manifest_is_no_index(tmp_path: Path, photos: Path) -> None:
    (tmp_path / "a.visus" / "pictures.lance" / "_versions").mkdir(parents=True)
    with pytest.raises(PictureIndexError, match="no index at"):
        Index(tmp_path / "a.visus").search(scene(1))
    assert Index(tmp_path / "a.visus").add(photos).added == 12


def test_hidden_files_of_the_desktop_are_no_obstacle(tmp_path: Path, photos: Path) -> None:
    index = Index(tmp_path / "a.visus")
    index.add(photos)
    (tmp_path / "a.visus" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "a.visus" / "Thumbs.db").write_bytes(b"x")
    assert index.add(photos).unchanged == 12


def test_files_half_written_by_a_dead_process_do_no_harm(tmp_path: Path, photos: Path) -> None:
    index = Index(tmp_path / "a.visus")
    index.add(photos)
    table = tmp_path / "a.visus" / "pictures.lance"
    (table / "data" / "orphan.lance").write_bytes(b"half")
    (table / "_versions" / ".tmp_9.manifest_x").write_bytes(b"half")
    folder_of(photos, 2, first=40)
    assert Index(tmp_path / "a.visus").add(photos).added == 2
    assert len(Index(tmp_path / "a.visus")) == 14


def test_the_lock_waits_or_says_who_is_writing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from visus import PictureIndexError\n"
        "from visus.search.place import writing\n"
        "try:\n"
        "    with writing(sys.argv[1], wait=0): print('mine')\n"
        "except PictureIndexError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "a.visus")]
    with writing(tmp_path / "a.visus"):
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "Another process is writing" in answer.stdout
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "mine\n"


def test_a_full_disk_is_a_clear_error_and_the_index_still_opens(tmp_path: Path, photos: Path) -> None:
    """The process may write files of 8 kB at most: the system then refuses as it does on a full disk."""
    index = Index(tmp_path / "a.visus")
    index.add(photos)
    folder_of(photos, 30, first=100)
    code = (
        "import resource, signal, sys\n"
        "from visus import Index, PictureIndexError\n"
        "index = Index(sys.argv[1]); index.embedder(streams=2)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "try: index.add(sys.argv[2])\n"
        "except PictureIndexError as error: print(error)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.visus"), str(photos)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "no room left" in answer.stdout, answer.stderr
    again = Index(tmp_path / "a.visus")
    assert len(again) == 12
    assert again.search(photos / "0003.jpg", k=1).paths == [str(photos / "0003.jpg")]
    assert again.add(photos).added == 30


def test_about_tells_what_made_the_index(tmp_path: Path, photos: Path) -> None:
    index = Index(tmp_path / "a.visus")
    index.add(photos)
    about = index.about
    assert (about["format"], about["model"], about["dimension"]) == (3, "efficientnet_lite0", 1280)
    assert len(about["digest"]) == 64
    json.dumps(about)
