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


def test_a_cut_before_a_background_that_grows_darker_is_no_caption(tmp_path: Path) -> None:
    levels = np.interp(np.arange(600), (0, 515, 530, 600), (228, 226, 222, 222)).round().astype(np.uint8)
    sheet = Image.fromarray(np.broadcast_to(levels[None, :, None], (400, 600, 3)).copy())
    figure = Image.open(photographs()["coffee"]).convert("RGB").resize((380, 230))
    sheet.paste(figure, (90, 130))
    sheet.paste(figure.crop((100, 60, 150, 120)), (550, 150))  # as a head
    (tmp_path / "p").mkdir()
    sheet.save(tmp_path / "p" / "whole.png")
    sheet.crop((0, 0, 522, 400)).save(tmp_path / "p" / "cut.jpg", quality=90)
    (group,) = index_of(tmp_path / "p").duplicates()
    assert [str(copy.relation) for copy in group.others] == ["cropped (100 % agree)"]


def cells(shaded: tuple[int, ...], shade: tuple[int, int, int], side: tuple[int, int] = (1240, 1000)) -> Image.Image:
    """A page of tasks, some in a cell of another shade, with a line of print in each."""
    sheet = Image.new("RGB", side, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(30)
    for row in range(12):
        place = (60, 70 * row + 60, side[0] - 60, 70 * row + 120)
        draw.rectangle(place, fill=shade if row in shaded else None, outline=(120, 120, 120))
        draw.text((80, 70 * row + 70), f"Task {row}: {37 * row % 91} of {13 * row % 47}, for {row % 5}", "black", font)
    return sheet


@pytest.mark.parametrize("ending", ["png", "jpg"])
@pytest.mark.parametrize("shade", [(205, 205, 205), (238, 238, 238), (255, 255, 200)])
def test_another_cell_that_is_shaded_makes_another_page(
    ending: str, shade: tuple[int, int, int], tmp_path: Path
) -> None:
    (tmp_path / "p").mkdir()
    for name, rows in (("one", (2, 3)), ("two", (6, 7)), ("more", (3, 7, 9))):
        cells(rows, shade).save(tmp_path / "p" / f"{name}.{ending}", quality=88)
    assert index_of(tmp_path / "p").duplicates() == []


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_spot_that_became_lighter_is_another_state(ending: str, tmp_path: Path) -> None:
    tissue = np.asarray(Image.open(photographs()["coffee"]).convert("L").resize((600, 400)), np.float64) * 0.6 + 30
    down, across = np.mgrid[:400, :600]
    spot = 45 * np.exp(-((((across - 300) / 45) ** 2 + ((down - 220) / 45) ** 2) ** 2))
    (tmp_path / "p").mkdir()
    for name, values in (("before", tissue), ("after", tissue + spot)):
        Image.fromarray(values.round().astype(np.uint8)).save(tmp_path / "p" / f"{name}.{ending}", quality=92)
    assert index_of(tmp_path / "p").duplicates() == []


def test_another_amount_in_red_makes_another_page(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for red in (5, 12):
        sheet = Image.new("RGB", (1240, 1400), "white")
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(24)
        for row in range(30):
            text = f"Position {row + 1}   {37 * row % 91} pieces   {131 * row % 997}.{13 * row % 90 + 10} EUR"
            draw.text((100, 44 * row + 40), text, (200, 20, 20) if row == red else (20, 20, 20), font)
        sheet.save(tmp_path / "p" / f"{red}.jpg", quality=88)
    assert index_of(tmp_path / "p").duplicates() == []


def test_the_same_product_in_another_color_is_another(tmp_path: Path) -> None:
    weave = np.asarray(Image.open(photographs()["coffee"]).convert("L").resize((480, 360)), np.float64)[..., None] / 255
    (tmp_path / "p").mkdir()
    for name, color in (("red", (200, 60, 50)), ("blue", (60, 70, 190)), ("green", (60, 150, 70))):
        shade = (weave * 0.8 + 0.2) * np.array(color)
        Image.fromarray(shade.round().astype(np.uint8)).save(tmp_path / "p" / f"{name}.jpg", quality=92)
    found = index_of(tmp_path / "p").duplicates()
    assert found == []
    assert [stack.kind for stack in found.stacks] == ["same scene"]


@pytest.mark.parametrize(("ink", "place"), [((215, 215, 212), "bottom"), ((185, 215, 245), "left"), ((40,) * 3, "top")])
def test_faint_writing_on_a_border_stays(ink: tuple[int, int, int], place: str, tmp_path: Path) -> None:
    photograph = Image.open(photographs()["chelsea"]).convert("RGB").resize((500, 800))
    print_ = Image.new("RGB", (600, 930), (246, 246, 242))
    print_.paste(photograph, (50, 65))
    where = {"bottom": (200, 885), "left": (4, 300), "top": (180, 18)}[place]
    text = "R\no\ns\na\n6\n2" if place == "left" else "Rosa, summer of 1962"
    ImageDraw.Draw(print_).text(where, text, ink, ImageFont.load_default(24))
    (tmp_path / "p").mkdir()
    print_.save(tmp_path / "p" / "print.jpg", quality=92)
    photograph.save(tmp_path / "p" / "cut.jpg", quality=92)
    (group,) = index_of(tmp_path / "p").duplicates()
    (copy,) = group.others
    assert (Path(group.keep.path).name, copy.stays) == ("cut.jpg", "has writing at its edge")


@pytest.mark.parametrize("name", ["chelsea", "coffee", "china", "astronaut"])
def test_sepia_is_no_other_product(name: str, tmp_path: Path) -> None:
    photograph = Image.open(photographs()[name]).convert("RGB").resize((600, 400))
    blue = Image.merge("RGB", photograph.split()[::-1])  # skies and skins whose hues are far from brown
    rows = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    (tmp_path / "p").mkdir()
    blue.save(tmp_path / "p" / "own.jpg", quality=92)
    blue.convert("RGB", rows).save(tmp_path / "p" / "sepia.jpg", quality=92)
    (group,) = index_of(tmp_path / "p").duplicates()
    assert [Path(copy.path).name for copy in group.others] == ["sepia.jpg"]
