"""An index as a Parquet file."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.support.command import visus
from tests.support.pictures import folder_of
from visus import Index, InputError
from visus.search.store import Store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    paths = folder_of(folder / "p", 5)
    shutil.copy(paths[0], folder / "p" / "zz-copy.jpg")
    index = Index(folder / "i.visus")
    index.add(folder / "p", descriptors=["texture"])
    (folder / "p" / "0004.jpg").unlink()
    index.add(folder / "p")
    folder_of(folder / "q", 1, first=9)
    index.add(folder / "q")  # without texture
    return folder


def vectors_of(table: pa.Table, name: str) -> np.ndarray:
    return np.array(table.column(name).to_pylist(), np.float32)


def test_all_that_is_there_stands_in_the_file(place: Path, tmp_path: Path) -> None:
    found = Index(place / "i.visus").export(tmp_path / "all.parquet")
    assert [found.pictures, found.left_out] == [6, 0]
    assert found.vectors == {"embedding": 1280, "texture": 48}
    table = parquet.read_table(found.path)
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 1280)
    rows = {Path(row["path"]).name: row for row in table.to_pylist()}
    assert set(rows) == {"0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg", "0009.jpg", "zz-copy.jpg"}
    first, copy = rows["0000.jpg"], rows["zz-copy.jpg"]
    assert (first["width"], first["height"], first["container"]) == (200, 150, "JPEG")
    assert first["size"] == (place / "p" / "0000.jpg").stat().st_size
    assert first["hash"] == copy["hash"]
    assert len(first["hash"]) == 32
    assert first["embedding"] == copy["embedding"]  # one row has it for both
    assert first["id"] != copy["id"]
    assert first["mtime"].timestamp() == pytest.approx((place / "p" / "0000.jpg").stat().st_mtime, abs=1)
    vectors = vectors_of(table, "embedding")
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=2e-3)
    hits = Index(place / "i.visus").search(place / "p" / "0001.jpg", k=6)
    own = np.array(rows["0001.jpg"]["embedding"])
    for hit in hits:
        assert hit.cosine == pytest.approx(float(own @ np.array(rows[Path(hit.path).name]["embedding"])), abs=5e-3)
    about = json.loads(table.schema.metadata[b"visus"])
    assert about["model"] == "efficientnet_lite0"


def test_what_was_not_described_has_no_vector(place: Path, tmp_path: Path) -> None:
    store = Store(place / "i.visus")
    missing = store.count("NOT gone AND texture IS NULL AND twin IS NULL")
    table = parquet.read_table(Index(place / "i.visus").export(tmp_path / "t.parquet").path)
    assert table.column("texture").null_count == missing


def test_the_command(place: Path, tmp_path: Path) -> None:
    said = visus("export", place / "i.visus", cwd=tmp_path).stdout
    assert said == "Wrote i.parquet: 6 pictures; vectors of embedding (1280 numbers), texture (48 numbers).\n"
    answer = visus(
        "export", place / "i.visus", "--where", "path LIKE '%copy%'", "--out", "one.parquet", "--json", cwd=tmp_path
    )
    assert json.loads(answer.stdout) == {
        "path": "one.parquet", "pictures": 1, "vectors": {"embedding": 1280, "texture": 48}, "left_out": 0,
    }  # fmt: skip
    assert parquet.read_table(tmp_path / "one.parquet").num_rows == 1
    assert visus("export", place / "i.visus", cwd=tmp_path).returncode == 0  # again


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--format", "onnx"], "--format onnx is for a run"),
        (["--size", "8,8"], "--size is for a run"),
        (["--where", "nonsense ("], "is not understood"),
        (["--out", "none/a.parquet"], "cannot be written"),
        (["--out", "kept.parquet"], "is no Parquet file"),
        (["--out", "folder.parquet"], "cannot be written"),
        (["--out", "x.csv"], "x.csv must end in .parquet"),
    ],
)
def test_mistakes_are_one_sentence(place: Path, tmp_path: Path, options: list[str], words: str) -> None:
    (tmp_path / "kept.parquet").write_bytes(b"\xff\xd8 a picture")
    (tmp_path / "folder.parquet").mkdir()
    answer = visus("export", place / "i.visus", *options, cwd=tmp_path, code=2)
    assert words in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert (tmp_path / "kept.parquet").read_bytes() == b"\xff\xd8 a picture"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.parquet", "kept.parquet"]


def test_a_table_is_asked_of_an_index_alone(tmp_path: Path) -> None:
    for options in (["--format", "parquet"], ["--where", "width > 1"]):
        answer = visus("export", tmp_path, *options, code=2)
        assert "is for an index, and there is none at" in answer.stderr


def test_damaged_rows_are_left_out_and_counted(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sound(batch: pa.Table, _: object) -> np.ndarray:
        return np.array([not path.endswith("0002.jpg") for path in batch.column("path").to_pylist()])

    monkeypatch.setattr("visus.search.contents.sound", sound)
    found = Index(place / "i.visus").export(tmp_path / "d.parquet")
    assert [found.pictures, found.left_out] == [5, 1]


def test_an_empty_index_is_a_table_without_rows(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 1)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path / "p")
    found = index.export(tmp_path / "none.parquet", where="width > 9999")
    assert found.pictures == 0
    assert parquet.read_table(found.path).num_rows == 0
    with pytest.raises(InputError, match=r"must end in \.parquet"):
        index.export(tmp_path / "p" / "0000.jpg")
