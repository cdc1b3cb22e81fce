"""What a command writes takes the place of nothing that it reads, nor of a picture in an index; files that are gone."""

import json
import os
from pathlib import Path

import pytest

from tests.support.command import visus
from tests.support.pictures import folder_of


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with four pictures, of which 0003 is there twice, and an index of it in the folder above."""
    folder = tmp_path / "photos"
    folder_of(folder, 4)
    (folder / "again.jpg").write_bytes((folder / "0003.jpg").read_bytes())
    visus("index", folder, "-i", tmp_path / "i.visus")
    return folder


def test_pictures_of_the_index_and_queries_are_spared(photos: Path) -> None:
    place = photos.parent
    os.link(photos / "0001.jpg", place / "hard.jpg")
    (place / "soft.jpg").symlink_to(photos / "0001.jpg")
    folder_of(place / "more", 1, first=90)
    (place / "more" / "0090.jpg").rename(place / "out.jpg")
    before = {path: path.read_bytes() for path in place.rglob("*.jpg")}
    for asked in (
        "search photos/0000.jpg --sheet photos/0000.jpg",
        "search photos/0000.jpg --why photos/0000.jpg",
        "search photos/0000.jpg --sheet photos/0001.jpg",
        "search photos/0000.jpg --why hard.jpg",
        "search photos/0000.jpg --unlike out.jpg --sheet out.jpg",
        "duplicates --sheet photos/0001.jpg",
        "duplicates --sheet soft.jpg",
    ):
        answer = visus(*asked.split(), "-i", "i.visus", cwd=place, code=2)
        assert "name another place with --" in answer.stderr
        assert answer.stdout == ""
    assert {path: path.read_bytes() for path in place.rglob("*.jpg")} == before


def test_an_earlier_sheet_is_replaced(photos: Path) -> None:
    for _ in range(2):
        visus("search", photos / "0000.jpg", "-i", "i.visus", "--sheet", "sheet.png", cwd=photos.parent)


@pytest.mark.parametrize(
    "asked",
    [
        "explain gradcam efficientnet_lite0 a.png --out a.png",
        "explain gradcam efficientnet_lite0 b-curves.png --out b.png --curves",
        "explain maps efficientnet_lite0 a.png --layer blocks.1 --out a.png",
        "explain fool efficientnet_lite0 a.png --out a.png",
        "explain invert efficientnet_lite0 a.png --out a.png",
        "explain invert efficientnet_lite0 a.png --curves a.png",
        "explain units efficientnet_lite0 . --layer blocks.2 --channel 0 --out a.png",
        "explain neighbors efficientnet_lite0 a.png . --out b-curves.png",
        "explain space efficientnet_lite0 . --out a.png",
        "explain blocks efficientnet_lite0 . --out a.png",
        "explain templates efficientnet_lite0 . --out a.png",
        "explain robustness efficientnet_lite0 labels.csv --out labels.csv",
        "export . --out best.safetensors",
        "lesson upsampling --picture a.png --out a.png",
        "data . --sheet a.png",
    ],
)
def test_what_a_command_reads_is_spared(tmp_path: Path, asked: str) -> None:
    names = ("a.png", "b-curves.png", "labels.csv", "best.safetensors")
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    assert "is among what is read; name another place with --" in visus(*asked.split(), cwd=tmp_path, code=2).stderr
    assert all((tmp_path / name).read_bytes() == name.encode() for name in names)


def test_of_a_content_the_file_that_is_there_is_the_hit(photos: Path, tmp_path: Path) -> None:
    at = ("-i", tmp_path / "i.visus", "-k", 2)
    query = tmp_path / "query.jpg"
    query.write_bytes((photos / "0003.jpg").read_bytes())
    first = json.loads(visus("search", query, *at, "--json").stdout)["hits"][0]
    gone, (left,) = first["path"], first["copies"]
    os.remove(gone)
    found = json.loads(visus("search", query, *at, "--json").stdout)
    assert found["hits"][0]["path"] == left
    assert not {"copies", "missing"} & set(found["hits"][0])
    assert any("1 file with the content of a hit left out" in note for note in found["notes"])
    visus("search", query, *at, "--why", tmp_path / "why.png")
    assert gone not in visus("search", query, *at, "--print0").stdout


def test_hits_that_are_gone_are_told(photos: Path, tmp_path: Path) -> None:
    at = ("-i", tmp_path / "i.visus", "-k", 2)
    query = tmp_path / "query.jpg"
    (photos / "0001.jpg").rename(query)
    assert "MISSING" in visus("search", query, *at).stdout
    paths = visus("search", query, *at, "--print0")
    assert str(photos / "0001.jpg") not in paths.stdout
    assert paths.stdout.count("\0") >= 1
    assert "1 hit left out: the file is missing" in paths.stderr
    told = visus("search", query, *at, "--why", tmp_path / "why.png", code=2).stderr
    assert "0001.jpg is gone" in told
