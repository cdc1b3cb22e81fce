"""Segmenters on pictures that are read in strips: what comes out is what comes out of the whole picture."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.support.command import visus
from tests.support.pictures import scene
from tests.support.untrained import small_painter
from visus import InputError
from visus.graphs.blocks import Sides
from visus.images import read, strips
from visus.images.on_disk import is_on_disk, let_go, on_disk
from visus.runs.segment import mask_files
from visus.runs.segment.prediction import MaskPrediction, MaskPredictor


class Levels(MaskPredictor):
    """Answers with one of three levels of the mean over a neighborhood."""

    classes = ("dark", "gray", "light")
    palette = ((30, 30, 30), (230, 159, 0), (86, 180, 233))
    window = (16, 16)
    spacing = None
    sides = Sides()

    def probabilities(self, picture: np.ndarray, shown: np.ndarray | None = None) -> np.ndarray:
        mean = cv2.blur(picture.mean(2, dtype=np.float32), (9, 9))
        return np.stack([-np.abs(mean - level) for level in (40, 120, 200)])


@pytest.fixture
def small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips and parts of few rows, and small blocks."""
    pytest.importorskip("pyvips")
    monkeypatch.setattr(strips, "LARGE", 1)
    monkeypatch.setattr(strips, "_STRIP", 1)
    monkeypatch.setattr(mask_files, "_PART", 2000)
    monkeypatch.setattr("visus.graphs.blocks.SIDE", {2: 64, 3: 32})
    monkeypatch.setattr("visus.graphs.blocks.CONTEXT", {2: 8, 3: 8})


def picture() -> np.ndarray:
    return np.vstack([scene(1), scene(2)])


def written(folder: Path, kind: str) -> Path:
    """The same picture as a file of a kind: mode, and what it is saved as."""
    mode, ending = kind.split(".")
    image = Image.fromarray(picture()).convert(mode)
    if "A" in mode:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    path = folder / f"a.{ending}"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image.save(path, icc_profile=profile if mode.startswith("RGB") else None)
    return path


def as_a_whole(predictor: MaskPredictor, path: Path) -> MaskPrediction:
    found = predictor.predict(read(path))
    return MaskPrediction(str(path), found.mask, found.classes, found.palette, found.picture)


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("kind", ["RGB.jpg", "L.jpg", "RGB.png", "RGBA.png", "LA.png", "L.tif", "RGB.tif", "RGBA.tif"])
def test_strips_are_answered_as_the_whole(kind: str, tmp_path: Path) -> None:
    path = written(tmp_path, kind)
    found, right = Levels().predict(path), as_a_whole(Levels(), path)
    assert is_on_disk(found.picture)
    assert is_on_disk(found.mask)
    assert not found.notes
    np.testing.assert_array_equal(found.picture, right.picture)
    np.testing.assert_array_equal(found.mask, right.mask)
    assert len(np.unique(found.mask)) == 3
    assert found.to_dict() == right.to_dict()


@pytest.mark.usefixtures("small_strips")
def test_tiles_are_answered_as_the_whole(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture(), tile=(32, 48), photometric="rgb", compression="zlib")
    found = Levels().predict(tmp_path / "a.tif")
    assert is_on_disk(found.mask)
    np.testing.assert_array_equal(found.mask, as_a_whole(Levels(), tmp_path / "a.tif").mask)


@pytest.mark.usefixtures("small_strips")
def test_files_of_a_mask_are_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, "RGB.png")
    found, right = Levels().predict(path), as_a_whole(Levels(), path)
    for ending in ("png", "json", "jpg"):
        found.save(tmp_path / f"found.{ending}")
        right.save(tmp_path / f"right.{ending}")
    with Image.open(tmp_path / "found.png") as mask:
        assert (mask.mode, mask.getpalette()) == ("P", [value for color in Levels.palette for value in color])
        np.testing.assert_array_equal(np.asarray(mask), right.mask)
    assert (tmp_path / "found.png").read_bytes() == (tmp_path / "right.png").read_bytes()
    assert (tmp_path / "found.json").read_bytes() == (tmp_path / "right.json").read_bytes()
    assert json.loads((tmp_path / "found.json").read_text()) == right.contours()
    own, other = (read(tmp_path / f"{name}.jpg").astype(int) for name in ("found", "right"))
    assert np.abs(own - other).mean() < 1
    np.testing.assert_array_equal(found.overlay(), right.overlay())


@pytest.mark.usefixtures("small_strips")
def test_what_is_decoded_as_a_whole_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(picture()).save(path, progressive=True)
    Image.fromarray(picture()[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "wide.png")
    found = Levels().predict(path)
    assert not is_on_disk(found.picture)
    assert found.to_dict()["notes"] == ["decoded whole: its rows do not come from the top down"]
    assert Levels().predict(tmp_path / "wide.png").notes == ("decoded whole: it has 16 bits",)
    monkeypatch.setattr(strips, "LARGE", 1 << 40)
    assert not Levels().predict(path).notes


@pytest.mark.usefixtures("small_strips")
def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    path = written(tmp_path, "RGB.png")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged or truncated"):
        Levels().predict(path)


@pytest.mark.usefixtures("small_strips")
def test_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visus.graphs.blocks.SIDE", {2: 150, 3: 32})
    run, path = small_painter(tmp_path / "run"), written(tmp_path, "RGB.png")
    Image.fromarray(picture()).save(tmp_path / "b.jpg", progressive=True)
    done = visus("predict", run, path, tmp_path / "b.jpg", "--out", tmp_path / "masks")
    assert done.stderr.count("decoded whole") == 1
    assert "b.jpg: decoded whole: its rows do not come from the top down" in done.stderr
    assert {place.name for place in (tmp_path / "masks").iterdir()} == {
        f"{name}.{ending}" for name in "ab" for ending in ("png", "jpg", "json")
    }
    first, second = (np.asarray(Image.open(tmp_path / "masks" / f"{name}.png")) for name in "ab")
    assert first.shape == picture().shape[:2]
    assert (first == second).mean() > 0.5  # JPEG differs a little
    told: dict[str, Any] = json.loads(visus("predict", run, tmp_path / "b.jpg", "--json", cwd=tmp_path).stdout)
    assert told["predictions"][0]["notes"] == ["decoded whole: its rows do not come from the top down"]


def test_an_array_on_the_disk_keeps_what_is_written_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = on_disk((np.full((2, 3), k, np.uint8) for k in range(4)), (8, 3))
    array[5] = 9
    let_go(array)
    assert array[:, 0].tolist() == [0, 0, 1, 1, 2, 9, 3, 3]
    let_go(np.zeros(3))  # nothing
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="has no room for a large picture"):
        on_disk(iter(()), (1, 1))
