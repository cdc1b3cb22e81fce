"""The pictures of the index over HTTP: the wall, folders, facts, previews, parts of files."""

import base64
import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.server.test_api import client_of, error_of
from tests.support.pictures import folder_of, scene
from visus import Index
from visus.server import wall
from visus.server.pictures import Pictures
from visus.server.service import Service


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures in two folders, a minute apart, of which one is wide."""
    root = tmp_path_factory.mktemp("wall")
    paths = [*folder_of(root / "Fotos" / "a_b", 3), *folder_of(root / "Fotos" / "aXb", 2, first=3)]
    wide = root / "Fotos" / "Zebra.JPG"
    Image.fromarray(scene(9, 400, 100)).save(wide, format="JPEG")
    for k, path in enumerate([*paths, wide]):
        moment = 1_700_000_000 + 60 * k
        os.utime(path, (moment, moment))
    Index(root / "i.visus").add(root / "Fotos")
    return root


@pytest.fixture(scope="module")
def client(place: Path) -> Iterator[TestClient]:
    with client_of(index=place / "i.visus") as own:
        yield own


def names(client: TestClient, **wanted: Any) -> list[str]:
    found = client.get("/wall/pictures", params=wanted)
    assert found.status_code == 200, found.text
    return [own["name"] for own in found.json()["pictures"]]


def test_the_newest_come_first_each_with_its_shape(client: TestClient) -> None:
    layout = client.get("/wall").json()
    assert layout["total"] == 6
    assert list(base64.b64decode(layout["shapes"])) == [192, *[141] * 5]  # 4:1, then 4:3
    assert names(client) == ["Zebra.JPG", "0004.jpg", "0003.jpg", "0002.jpg", "0001.jpg", "0000.jpg"]
    assert names(client, order="oldest", offset=1, limit=2) == ["0001.jpg", "0002.jpg"]
    assert names(client, offset=6) == []
    first = client.get("/wall/pictures?limit=1").json()
    assert first["version"] == layout["version"]
    assert first["pictures"][0]["time"] == "2023-11-14T22:18:20"
    assert not first["pictures"][0]["taken"]


def test_words_and_conditions_choose(client: TestClient, place: Path) -> None:
    assert names(client, text="zebra") == ["Zebra.JPG"]
    assert names(client, text="fotos 0004") == ["0004.jpg"]
    assert names(client, text="a_b") == ["0002.jpg", "0001.jpg", "0000.jpg"]  # _ is a letter here
    assert names(client, text="%") == []
    assert names(client, where="width > 300") == ["Zebra.JPG"]
    assert client.get("/wall", params={"text": "nothing at all"}).json()["total"] == 0
    start = f"{place / 'Fotos' / 'a_b'}/"
    below = f"path >= '{start}' AND path < '{start[:-1]}0'"
    assert len(names(client, where=below)) == 3
    assert "not understood" in error_of(client.get("/wall", params={"where": "1; DROP"}), 422)
    error_of(client.get("/wall?order=random"), 422)
    error_of(client.get("/wall?text=a&text=b"), 422)
    error_of(client.get("/wall/pictures?limit=501"), 422)
    error_of(client.get("/wall/pictures?offset=-1"), 422)


def test_a_changed_index_has_another_version(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", 2)
    Index(tmp_path / "i.visus").add(tmp_path / "p")
    with client_of(index=tmp_path / "i.visus") as own:
        before = own.get("/wall").json()
        assert own.get("/folders").json()["folders"][0]["pictures"] == 2
        folder_of(tmp_path / "p", 1, first=7)
        Index(tmp_path / "i.visus").add(tmp_path / "p")
        after = own.get("/wall").json()
        assert [before["total"], after["total"]] == [2, 3]
        assert before["version"] != after["version"]
        assert own.get("/folders").json()["folders"][0]["pictures"] == 3


def test_only_so_many_orders_are_kept(client: TestClient) -> None:
    service: Service = client.app.state.service  # pyright: ignore
    for k in range(2 * wall._KEPT):
        client.get("/wall", params={"text": str(k)})
    assert len(service.pictures._wall._orders) == wall._KEPT


def test_folders_facts_and_previews(client: TestClient, place: Path) -> None:
    found = client.get("/folders").json()
    assert [(Path(own["path"]).name, own["pictures"]) for own in found["folders"]] == [
        ("Fotos", 1),
        ("aXb", 2),
        ("a_b", 3),
    ]
    assert client.get("/folders?limit=1").json() == {"folders": [found["folders"][2]], "total": 3}
    own = client.get("/wall/pictures?limit=1").json()["pictures"][0]
    assert client.get(f"/pictures/{own['id']}/facts").json() == own | {"missing": False}
    preview = client.get(f"/previews/{own['id']}")
    with Image.open(io.BytesIO(preview.content)) as shown:
        assert (shown.format, shown.size) == ("JPEG", (400, 100))
    again = client.get(f"/previews/{own['id']}", headers={"If-None-Match": preview.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("/previews/1", "/pictures/1/facts"):
        assert "no picture" in error_of(client.get(path), 404)
    about = client.get("/about").json()
    assert about == {
        "pictures": 6,
        "descriptors": ["embedding"],
        "words": True,
        "runs": [],
        "moves": False,
        "trainings": False,
        "check": False,
    }


def test_a_part_of_a_file_is_read_alone_where_it_is_surely_what_was_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = folder_of(tmp_path / "p", 1)
    monkeypatch.setattr("visus.server.untouched._SURE", -60.0)  # the file is new
    Index(tmp_path / "i.visus").add(tmp_path / "p")
    whole, read = path.read_bytes(), []
    content = Pictures.content
    monkeypatch.setattr(Pictures, "content", lambda own, number: read.append(number) or content(own, number))
    with client_of(index=tmp_path / "i.visus") as own:
        number = own.get("/wall/pictures").json()["pictures"][0]["id"]
        part = own.get(f"/pictures/{number}", headers={"Range": "bytes=5-9"})
        assert (part.status_code, part.content, part.headers["content-type"]) == (206, whole[5:10], "image/jpeg")
        assert part.headers["content-range"] == f"bytes 5-9/{len(whole)}"
        assert not read
        os.utime(path)  # another entry: the whole file is read, and its hash tells
        assert own.get(f"/pictures/{number}", headers={"Range": "bytes=5-9"}).content == whole[5:10]
        assert len(read) == 1
        path.write_bytes(whole[:50] + b"x" + whole[51:])
        error_of(own.get(f"/pictures/{number}", headers={"Range": "bytes=5-9"}), 404)


def test_several_pictures_ask_and_the_asked_one_is_marked(client: TestClient, place: Path) -> None:
    ids = [own["id"] for own in client.get("/wall/pictures").json()["pictures"]]
    hits = client.post("/search", data={"id": ids[0], "also": ids[1], "unlike": f"{ids[2]},{ids[3]}"}).json()["hits"]
    assert {hits[0]["id"], hits[1]["id"]} == set(ids[:2])
    assert [hit["id"] for hit in hits if hit.get("asked")] == [ids[0]]
    sent = {"picture": (place / "Fotos" / "Zebra.JPG").read_bytes()}
    hits = client.post("/search", files=sent).json()["hits"]
    assert [hit["name"] for hit in hits if hit.get("asked")] == ["Zebra.JPG"]


def test_pictures_that_ask_beside_may_be_files_too(client: TestClient) -> None:
    ids = [own["id"] for own in client.get("/wall/pictures").json()["pictures"]]
    files = [client.get(f"/pictures/{number}").content for number in ids]
    by_ids = client.post("/search", data={"id": ids[0], "also": ids[1], "unlike": f"{ids[2]},{ids[3]}"}).json()
    sent = [("picture", files[0]), ("also_pictures", files[1]), *(("unlike_pictures", own) for own in files[2:4])]
    assert client.post("/search", files=sent).json() == by_ids
    mixed = [("unlike_pictures", files[3])]
    assert client.post("/search", data={"id": ids[0], "also": ids[1], "unlike": ids[2]}, files=mixed).json() == by_ids
    many = [("picture", files[0]), *[("also_pictures", files[1])] * 8]
    assert "at most 8 pictures, not 9" in error_of(client.post("/search", data={"also": ids[1]}, files=many), 422)
    twice = [("picture", files[0]), ("picture", files[1])]
    assert "'picture' is there 2 times" in error_of(client.post("/search", files=twice), 422)
    error_of(client.post("/search", data={"id": ids[0]}, files=[("also_pictures", b"nothing")]), 422)
    assert "no picture 7" in error_of(client.post("/search", data={"id": ids[0], "also": "7"}), 404)
    assert "at most 8" in error_of(client.post("/search", data={"id": ids[0], "also": ",".join(["7"] * 9)}), 422)
    assert "commas" in error_of(client.post("/search", data={"id": ids[0], "unlike": "a"}), 422)
    both = {"id": ids[0], "unlike": ids[0]}
    assert "the same" in error_of(client.post("/search", data=both), 422)


def test_copies_are_moved_only_where_it_is_allowed(tmp_path: Path) -> None:
    first, *_ = folder_of(tmp_path / "p", 3)
    copy = tmp_path / "p" / "copy.jpg"
    copy.write_bytes(first.read_bytes())
    Index(tmp_path / "i.visus").add(tmp_path / "p")
    with client_of(index=tmp_path / "i.visus") as own:
        assert "--allow-move" in error_of(own.post("/duplicates/moves", data={"ids": "1"}), 403)
    with client_of(index=tmp_path / "i.visus", move=tmp_path / "aside") as own:
        assert own.get("/about").json()["moves"]
        answer = own.get("/duplicates")
        while answer.status_code == 202:
            time.sleep(0.1)
            answer = own.get("/duplicates")
        (group,) = answer.json()["groups"]
        kept = own.post("/duplicates/moves", data={"ids": group["keep"]["id"]}).json()
        assert kept["moved"] == []
        assert "no copy that may go" in kept["left"][0]
        found = own.post("/duplicates/moves", data={"ids": group["others"][0]["id"]}).json()
        assert [own["from"] for own in found["moved"]] == [group["others"][0]["path"]]
        assert Path(found["moved"][0]["to"]).is_relative_to(tmp_path / "aside")
        assert not Path(group["others"][0]["path"]).exists()
        assert Path(group["keep"]["path"]).exists()


def test_shapes_are_near() -> None:
    widths, heights = np.arange(1, 600), np.full(599, 200)
    ratios = 2.0 ** ((wall.codes(widths, heights).astype(float) - 128) / 32)
    near = (widths / heights >= 1 / 16) & (widths / heights <= 15)
    np.testing.assert_allclose(ratios[near], (widths / heights)[near], rtol=0.0110)
