"""An index that was made by an earlier decoder: only what comes out otherwise now is described anew."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.support.command import visus
from tests.support.pictures import folder_of, scene
from tests.support.profiles import ADOBE, rgb_profile
from visus import Index
from visus.images import decode
from visus.images.decode import DECODER, Decoded
from visus.images.jpeg import segments
from visus.images.older import reads_otherwise
from visus.search import reading, written

SWAPPED = (ADOBE[1], ADOBE[0], ADOBE[2])


def without_profile(data: bytes, **options: Any) -> Decoded:
    """What decoder 1 made of a file: profiles were passed over, few bits stayed dark."""
    if any(segment.startswith(b"ICC_PROFILE") for marker, segment in segments(data) if marker == 0xE2):
        return Decoded(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")), *Image.open(io.BytesIO(data)).size)
    return decode(data, name=options["name"], min_side=options["min_side"])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Plain JPEG, one of foreign colors and a copy of it, one of sRGB's, one of 10 bits and one of 16."""
    folder = tmp_path / "photos"
    folder_of(folder, 4)
    Image.fromarray(scene(20)).save(folder / "foreign.jpg", quality=95, icc_profile=rgb_profile(SWAPPED))
    shutil.copy(folder / "foreign.jpg", folder / "foreign_copy.jpg")
    same = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(scene(21)).save(folder / "same.jpg", quality=95, icc_profile=same)
    gray = scene(22)[:, :, 1].astype(np.uint16)
    Image.fromarray(gray * 4).save(folder / "ten.png")
    Image.fromarray(gray * 257).save(folder / "sixteen.png")
    tifffile.imwrite(folder / "deep.tif", scene(23).astype(np.uint16) * 257, photometric="rgb")
    return folder


@pytest.fixture
def old(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An index of these by decoder 1."""
    with monkeypatch.context() as patched:
        patched.setattr(written, "DECODER", 1)
        patched.setattr(reading, "decode", without_profile)
        assert Index(tmp_path / "i.visus").add(photos).added == 10
    return tmp_path / "i.visus"


def rows_of(index: Index) -> dict[str, dict[str, Any]]:
    names = ["path", "decoder", "embedding", "twin", "thumbnail", "seen"]
    return {Path(row["path"]).name: row for row in index._opened().read(names).to_pylist()}


def test_only_what_comes_out_otherwise_is_described_anew(old: Path, photos: Path) -> None:
    before = rows_of(Index(old))
    report = Index(old).add(photos)
    assert (report.redescribed, report.unchanged, report.reread, report.added, report.filled) == (3, 7, 0, 0, 0)
    after = rows_of(Index(old))
    changed = {"foreign.jpg", "foreign_copy.jpg", "ten.png"}
    for name, row in after.items():
        bearer = name in changed and row["twin"] is None
        assert (row["embedding"] != before[name]["embedding"]) == bearer, name
        assert (row["thumbnail"] != before[name]["thumbnail"]) == bearer, name
        assert row["decoder"] == (DECODER if name in changed | {"same.jpg", "sixteen.png", "deep.tif"} else 1), name
    assert sum(row["twin"] is not None for row in after.values()) == 1
    assert report.notes == {"10 of 16 bits stretched": 1}


def test_it_happens_once_and_what_is_written_is_sound(old: Path, photos: Path) -> None:
    Index(old).add(photos)
    report = Index(old).add(photos)
    assert (report.redescribed, report.unchanged, report.described) == (0, 10, 0)
    assert not Index(old).verify().damaged
    hits = Index(old).search(photos / "foreign.jpg", k=1)
    assert hits[0].cosine == pytest.approx(1, abs=2e-3)
    dark = Index(old).search(scene(22)[:, :, 1], k=1)
    assert Path(dark[0].path).name in ("ten.png", "sixteen.png")


def test_a_picture_that_moved_meanwhile_and_a_bearer_that_went(old: Path, photos: Path) -> None:
    (photos / "foreign.jpg").rename(photos / "moved.jpg")
    (photos / "foreign_copy.jpg").unlink()
    (photos / "ten.png").unlink()
    report = Index(old).add(photos)
    assert (report.moved, report.gone) == (1, 2)
    hit = Index(old).search(photos / "moved.jpg", k=1)[0]
    assert Path(hit.path).name == "moved.jpg"
    assert hit.cosine == pytest.approx(1, abs=2e-3)
    assert not Index(old).verify().damaged


def test_the_command_says_it(old: Path, photos: Path) -> None:
    done = visus("index", photos, "--index", old)
    assert "3 redescribed, 7 unchanged in" in done.stdout
    assert "1 picture: 10 of 16 bits stretched" in done.stdout
    again = visus("index", photos, "--index", old, "--json")
    assert json.loads(again.stdout)["report"]["redescribed"] == 0


def test_which_files_are_read_otherwise(tmp_path: Path) -> None:
    def tiff(values: np.ndarray, **options: Any) -> bytes:
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, values, **{"photometric": "rgb", **options})
        return buffer.getvalue()

    deep = scene(1).astype(np.uint16) * 257
    planes = np.ascontiguousarray(np.moveaxis(deep, 2, 0))
    assert not reads_otherwise(tiff(scene(1)))
    assert not reads_otherwise(tiff(deep))
    assert reads_otherwise(tiff(planes, planarconfig="separate"))
    assert reads_otherwise(tiff(deep[:, :, 0], photometric="miniswhite"))
    assert reads_otherwise(tiff(deep // 64))
    assert reads_otherwise(tiff(scene(1), iccprofile=rgb_profile(ADOBE)))
    assert reads_otherwise(tiff(np.dstack([deep, deep[:, :, :1]]), extrasamples=["assocalpha"]))
    assert not reads_otherwise(b"no picture")
    for name, values in (("a.png", deep[:, :, 0]), ("b.png", scene(1)), ("c.webp", scene(1))):
        Image.fromarray(values).save(tmp_path / name)
        assert not reads_otherwise((tmp_path / name).read_bytes(), name)
