"""Small and flat pictures: copies if all of their numbers are equal, and only then."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.search.duplicates.test_kinds import index_of, named
from tests.support.photographs import photographs


def crop(side: int) -> Image.Image:
    """A part of a photograph."""
    return Image.open(photographs()["chelsea"]).convert("RGB").crop((120, 90, 120 + side, 90 + side))


@pytest.mark.parametrize("side", [8, 16, 24, 32, 300])
def test_equal_pixels_need_no_texture(tmp_path: Path, side: int) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    picture = crop(side) if side < 300 else Image.new("RGB", (side, side), (40, 90, 160))
    picture.save(folder / "a.png")
    picture.save(folder / "b.bmp")
    picture.save(folder / "c.webp", lossless=True)
    found = index_of(folder).duplicates()
    assert named(found) == [{"a", "b", "c"}]
    assert {copy.relation.names for copy in found[0].others} == {("same pixels",)}


def test_hardly_any_difference_makes_small_pictures_others(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    flat = np.full((24, 24, 3), 120, np.uint8)
    Image.fromarray(flat).save(folder / "flat.png")
    dotted = flat.copy()
    dotted[3, 4, 2] += 1
    Image.fromarray(dotted).save(folder / "dot.png")
    clear = np.dstack([flat, np.full((24, 24), 254, np.uint8)])
    Image.fromarray(clear).save(folder / "clear.png")
    Image.fromarray(flat[:, :, 0].astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(flat[:, :20]).save(folder / "narrow.png")
    Image.fromarray(flat).save(folder / "lossy.jpg", quality=95)
    assert index_of(folder).duplicates() == []


@pytest.mark.parametrize("ending", ["webp", "png", "tif"])
def test_flat_first_frames_make_no_copies_of_what_goes_on_otherwise(tmp_path: Path, ending: str) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for level in (60, 90):
        first, second = Image.new("RGB", (24, 24)), Image.new("RGB", (24, 24), (level, 0, 0))
        first.save(folder / f"{level}.{ending}", save_all=True, append_images=[second], lossless=True)
    assert index_of(folder).duplicates() == []


def test_of_equal_pixels_what_says_more_does_not_go(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    told = PngInfo()
    told.add_text("Description", "the blue of the old logo")
    Image.new("RGB", (24, 24), "blue").save(folder / "told.png", pnginfo=told)
    Image.new("RGB", (24, 24), "blue").save(folder / "bare.bmp")
    (group,) = index_of(folder).duplicates()
    assert Path(group.keep.path).name == "told.png" or not group.others[0].may_go


def test_many_flat_icons_are_one_group(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(60):
        told = PngInfo()
        told.add_text("number", str(number))
        Image.new("RGB", (16, 16), "gray").save(folder / f"{number}.png", pnginfo=told)
        Image.new("RGB", (16, 16), (number, 0, 0)).save(folder / f"red{number}.png")
    (group,) = index_of(folder).duplicates()
    assert len(group.others) == 59
