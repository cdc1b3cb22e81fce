"""Slides, screens and pages: drawn pictures, on which straight edges fit anywhere along themselves."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tests.search.duplicates.test_kinds import index_of, named


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
