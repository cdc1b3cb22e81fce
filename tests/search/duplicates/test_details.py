"""Small things in which two pictures differ, however they were saved: a plate, an amount, points of a plot, a bird."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.search.duplicates.test_kinds import index_of
from tests.support.photographs import photographs


def street(plate: str = "", bird: bool = False) -> Image.Image:
    """A photograph with a number plate, or with a bird in its sky."""
    sheet = Image.open(photographs()["coffee"]).convert("RGB").resize((960, 640))
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((0, 0, 960, 150), fill=(150, 180, 215))  # a sky
    if plate:
        font = ImageFont.load_default(24)
        draw.rectangle((430, 560, 450 + draw.textlength(plate, font=font), 596), fill=(225, 225, 220), outline="black")
        draw.text((440, 564), plate, font=font, fill=(30, 30, 30))
    if bird:
        draw.line([(300, 80), (314, 91), (326, 80)], fill=(50, 50, 60), width=3)
    return sheet.filter(ImageFilter.GaussianBlur(0.8))


def invoice(amount: str) -> Image.Image:
    """A page of text with an amount in its middle."""
    words = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "while", "seven", "wizards", "boil"]
    chance, font = np.random.default_rng(0), ImageFont.load_default(25)
    sheet = Image.new("RGB", (768, 1024), "white")
    for line in range(22):
        text = f"Total amount due: {amount}" if line == 11 else " ".join(chance.choice(words, 7))
        ImageDraw.Draw(sheet).text((50, 50 + line * 42), text, font=font, fill="black")
    return sheet


def plot(points: bool, dots: int = 4) -> Image.Image:
    """A curve, with points of its data or without."""
    across = np.arange(640)
    down = 240 - 150 * np.sin(across / 80)
    large = Image.new("RGB", (2 * 640, 2 * 480), "white")
    draw = ImageDraw.Draw(large)
    for x in range(0, 640, 80):
        draw.line((2 * x, 0, 2 * x, 960), fill=(200, 200, 200), width=2)
    draw.line([(2 * x, 2 * y) for x, y in zip(across.tolist(), down.tolist(), strict=True)], (31, 119, 180), width=4)
    for x in range(20, 640, 40) if points else ():
        y = down[x]
        draw.ellipse((2 * (x - dots), 2 * (y - dots), 2 * (x + dots), 2 * (y + dots)), fill=(31, 119, 180))
    return large.resize((640, 480), Image.Resampling.LANCZOS)


PAIRS: dict[str, tuple[Callable[[], Image.Image], Callable[[], Image.Image], float, str]] = {
    "another plate, smaller": (lambda: street("ZH 38 601"), lambda: street("GE 38 601"), 0.6, "jpg"),
    "another digit of a plate, smaller": (lambda: street("ZH 38 601"), lambda: street("ZH 33 601"), 0.75, "jpg"),
    "another amount, smaller": (lambda: invoice("1,380.00"), lambda: invoice("7,330.00"), 0.6, "jpg"),
    "points on a plot": (lambda: plot(points=False), lambda: plot(points=True), 1.0, "png"),
    "larger points on a plot": (lambda: plot(points=False), lambda: plot(points=True, dots=6), 1.0, "jpg"),
    "a bird in the sky": (lambda: street(bird=True), street, 1.0, "jpg"),
}


def saved(pictures: tuple[Image.Image, Image.Image], folder: Path, scale: float, ending: str) -> Path:
    """Both in a folder, the second of them smaller."""
    folder.mkdir()
    small = pictures[1].resize([round(side * scale) for side in pictures[1].size], Image.Resampling.LANCZOS)
    pictures[0].save(folder / f"0.{ending}", quality=88)
    small.save(folder / f"1.{ending}", quality=85)
    return folder


@pytest.mark.parametrize("kind", PAIRS)
def test_a_small_thing_that_differs_makes_another_picture(kind: str, tmp_path: Path) -> None:
    one, two, scale, ending = PAIRS[kind]
    found = index_of(saved((one(), two()), tmp_path / "p", scale, ending)).duplicates()
    assert [copy.stays for group in found for copy in group.others] == []


@pytest.mark.parametrize("kind", PAIRS)
def test_without_it_both_are_copies(kind: str, tmp_path: Path) -> None:
    one, _, scale, ending = PAIRS[kind]
    found = index_of(saved((one(), one()), tmp_path / "p", scale, "jpg" if ending == "png" else ending)).duplicates()
    assert len(found) == 1


def with_jpeg(picture: Image.Image, folder: Path, quality: int) -> Path:
    """A picture without loss and as JPEG, in a folder."""
    folder.mkdir()
    picture.save(folder / "0.png")
    picture.save(folder / "1.jpg", quality=quality)
    return folder


def test_a_thin_strip_and_its_jpeg_are_copies(tmp_path: Path) -> None:
    strip = Image.open(photographs()["coffee"]).convert("RGB").resize((1024, 700)).crop((0, 300, 1024, 360))
    assert len(index_of(with_jpeg(strip, tmp_path / "p", 90)).duplicates()) == 1


def test_a_picture_of_little_contrast_and_its_jpeg_are_copies(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    plain = Image.fromarray(chance.integers(0, 255, (16, 16)).astype(np.uint8)).resize((512, 512), 3)
    craters = np.asarray(plain, np.float32) / 20 + 110 + chance.normal(0, 1.5, (512, 512))
    for row, column in chance.integers(20, 490, (12, 2)):
        craters[row : row + 8, column : column + 8] -= 35
    sheet = Image.fromarray(craters.clip(0, 255).astype(np.uint8))
    assert len(index_of(with_jpeg(sheet, tmp_path / "p", 60)).duplicates()) == 1


def test_nothing_goes_for_a_damaged_file(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    whole = street()
    whole.save(folder / "good.jpg", quality=80)
    whole.save(folder / "bad.jpg", quality=93)
    data = bytearray((folder / "bad.jpg").read_bytes())
    place = round(len(data) * 0.99)
    data[place : place + 40] = bytes(40)
    (folder / "bad.jpg").write_bytes(data)
    found = index_of(folder).duplicates()
    goes = [Path(copy.path).name for group in found for copy in group.others if not copy.stays]
    assert "good.jpg" not in goes


def test_of_a_bracket_without_dates_nothing_goes(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    light = (np.asarray(Image.open(photographs()["coffee"]).convert("RGB"), np.float64) / 255) ** 2.2
    for stops in (-1, 0, 1):
        shown = 255 * np.clip(light * 2.0**stops, 0, 1) ** (1 / 2.2)
        Image.fromarray(shown.round().astype(np.uint8)).save(folder / f"{stops}.jpg", quality=95)
    assert all(copy.stays for group in index_of(folder).duplicates() for copy in group.others)
