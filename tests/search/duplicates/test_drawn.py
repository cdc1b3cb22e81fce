"""Slides, screens and pages: drawn pictures, on which straight edges fit anywhere along themselves."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from tests.search.duplicates.test_kinds import index_of, named
from tests.support.photographs import photographs


def slide(number: int) -> Image.Image:
    """A slide under a solid bar, as all of a deck have."""
    sheet = Image.new("RGB", (960, 540), "white")
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, 960, 84), fill=(24, 60, 120))
    draw.text((30, 20), "Quarterly review", fill="white", font=ImageFont.load_default(40))
    words = np.random.default_rng(number).permutation(["costs", "growth", "people", "risks", "plans", "sites", "tools"])
    for line, word in enumerate(words[:4]):
        draw.text((60, 130 + 90 * line), f"- {word}: {number * 37 + line * 11} of {line + 90}", fill="black",
                  font=ImageFont.load_default(34))  # fmt: skip
    return sheet


def test_slides_under_one_bar_are_found_in_every_format_and_size(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(3):
        own = slide(number)
        own.save(folder / f"{number}.png")
        own.save(folder / f"{number}-bitmap.bmp")
        own.save(folder / f"{number}-sent.jpg", quality=80)
        own.resize((640, 360)).save(folder / f"{number}-small.png")
    groups = named(index_of(folder).duplicates())
    expected = [{f"{n}", f"{n}-bitmap", f"{n}-sent", f"{n}-small"} for n in range(3)]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))


def noted(kind: str) -> tuple[Image.Image, Image.Image]:
    """A picture, and the same with a note at its edge."""
    photograph = Image.open(photographs()["chelsea"]).convert("RGB").resize((600, 400))
    font = ImageFont.load_default(22)
    if kind == "frame":
        framed = ImageOps.expand(photograph, 40, "white")
        ImageDraw.Draw(framed).text((60, 444), "Rome, Anna & Paul, May 1987", fill=(40, 40, 90), font=font)
        return photograph, framed
    lines = [f"{k:03d} job {k * 7919 % 1000} done in {k * 31 % 97} s" for k in range(28)]
    sheets = [Image.new("RGB", (700, 26 * 24 + 8), "black") for _ in range(2)]
    for first, sheet in enumerate(sheets):
        for row in range(25):
            ImageDraw.Draw(sheet).text((8, 24 * row + 4), lines[first + row], fill="white", font=font)
    return sheets[0], sheets[1]


@pytest.mark.parametrize("kind", ["frame", "last line"])
def test_what_is_written_at_the_edge_is_not_lost(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    for number, own in enumerate(noted(kind)):
        own.save(folder / f"{number}.png")
    assert all(copy.stays for group in index_of(folder).duplicates() for copy in group.others)


def test_a_white_frame_goes(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    plain, _ = noted("frame")
    plain.save(folder / "plain.png")
    ImageOps.expand(plain, 40, "white").save(folder / "framed.png")
    (group,) = index_of(folder).duplicates()
    assert [(Path(copy.path).name, copy.stays) for copy in group.others] == [("framed.png", "")]


def save_all(folder: Path, pictures: list[Image.Image], ending: str = "jpg") -> Path:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.{ending}", quality=90)
    return folder


def test_a_lamp_of_another_color_makes_another_board(tmp_path: Path) -> None:
    boards = []
    for lit in range(3):
        board = slide(0).resize((1920, 1080))
        for row in range(20):
            color = (214, 57, 53) if row < lit else (60, 150, 71)
            ImageDraw.Draw(board).ellipse((40, 190 + row * 40, 54, 204 + row * 40), fill=color)
        boards.append(board)
    assert index_of(save_all(tmp_path / "p", boards)).duplicates() == []


def test_regions_of_another_shade_make_another_map(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    middles, (y, x) = random.uniform(0, 600, (40, 2)), np.mgrid[:600, :800]
    nearest = np.argmin([(y - a) ** 2 + (x - 4 / 3 * b) ** 2 for a, b in middles], axis=0)
    shades = np.array([(254, 240, 217), (253, 212, 158), (253, 187, 132), (252, 141, 89)], np.uint8)
    classes, maps = random.integers(0, 4, 40), []
    for week in range(3):
        picture = shades[np.where(np.arange(40) % 5 == week, (classes + 1) % 4, classes)][nearest]
        picture[np.diff(nearest, axis=0, append=0) != 0] = 60
        maps.append(Image.fromarray(picture))
    assert index_of(save_all(tmp_path / "p", maps)).duplicates() == []


def test_bands_of_one_scene_are_no_copies_and_a_gray_one_is_found(tmp_path: Path) -> None:
    scene = Image.open(photographs()["coffee"]).convert("RGB").resize((600, 400))
    found = index_of(save_all(tmp_path / "bands", list(scene.split()), "png")).duplicates()
    assert found == []
    assert found.stacks
    assert len(index_of(save_all(tmp_path / "gray", [scene, scene.convert("L")])).duplicates()) == 1
