"""Which of several copies is kept, and what stays beside one that a rule of the user chose."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.search.duplicates.test_kinds import index_of
from tests.support.photographs import photographs

_MANY_COLORS = {"png": {}, "bmp": {}, "webp": {"quality": 75}, "jpg": {"quality": 75}}


@pytest.fixture(scope="module")
def photograph() -> Image.Image:
    """A photograph, 480 pixels wide, without the traces of an encoder."""
    return Image.open(photographs()["coffee"]).convert("RGB").resize((480, 320), Image.Resampling.BOX)


def dated() -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    return exif


def of_one_age(folder: Path) -> None:
    for file in folder.iterdir():
        os.utime(file, (1e9, 1e9))


def advice(folder: Path, keep: str | None = None) -> tuple[str, str, dict[str, str]]:
    """Of the one group: what is kept, why, and of each copy why it stays; empty where it may go."""
    (group,) = index_of(folder).duplicates(keep=keep)
    return Path(group.keep.path).name, group.why, {Path(copy.path).name: copy.stays for copy in group.others}


@pytest.mark.parametrize("suffixes", [("jpg",), ("webp",), ("png", "jpg"), ("webp", "png", "bmp")])
def test_a_palette_of_a_photograph_goes_and_changes_no_other_choice(
    suffixes: tuple[str, ...], photograph: Image.Image, tmp_path: Path
) -> None:
    kept = []
    for place in (tmp_path / "alone", tmp_path / "beside"):
        place.mkdir()
        for suffix in suffixes:
            photograph.save(place / f"a.{suffix}", **_MANY_COLORS[suffix])
        if place.name == "beside":
            photograph.save(place / "a.gif")
        of_one_age(place)
        if place.name == "beside" or len(suffixes) > 1:
            kept.append(advice(place)[0])
    name, why, stays = advice(tmp_path / "beside")
    assert set(kept) == {name}
    assert why.startswith("all colors")
    assert stays["a.gif"] == ""


def test_a_palette_that_was_made_of_a_jpeg_lost_colors_that_its_encoder_left(
    photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / "a.jpg", quality=50)
    with Image.open(tmp_path / "a.jpg") as jpeg:
        jpeg.quantize(256).save(tmp_path / "a.png")
    of_one_age(tmp_path)
    name, why, stays = advice(tmp_path)
    assert (name, stays) == ("a.jpg", {"a.png": ""})
    assert why.startswith("all colors")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_palette_that_is_the_original_is_not_said_to_have_lost_colors(suffix: str, tmp_path: Path) -> None:
    sheet = Image.new("RGB", (800, 600), "white")
    for row in range(18):
        words = f"Position {row} of the list, {37 * row % 91} pieces"
        ImageDraw.Draw(sheet).text((30, 32 * row + 8), words, fill=(row * 9, 40, 90), font=ImageFont.load_default(20))
    few = sheet.quantize(64)
    few.save(tmp_path / "few.png")
    few.convert("RGB").save(tmp_path / f"many.{suffix}", quality=75)
    of_one_age(tmp_path)
    name, why, stays = advice(tmp_path)
    assert "all colors" not in why
    if suffix == "jpg":
        assert (name, stays) == ("few.png", {"many.jpg": ""})


@pytest.mark.parametrize("radius", [1.5, 2])
def test_of_one_size_the_sharp_picture_is_kept_though_the_blurred_one_is_older(
    radius: float, photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.filter(ImageFilter.GaussianBlur(radius)).save(tmp_path / "a.jpg", quality=92)
    photograph.save(tmp_path / "b.jpg", quality=92)
    os.utime(tmp_path / "a.jpg", (1e9, 1e9))
    assert advice(tmp_path)[:2] == ("b.jpg", "more real detail")


@pytest.mark.parametrize("radius", [0, 2.5])
@pytest.mark.parametrize("quality", [10, 30])
def test_a_coarse_encoding_of_one_size_is_no_blur_and_its_blocks_are_no_detail(
    quality: int, radius: float, photograph: Image.Image, tmp_path: Path
) -> None:
    soft = photograph.filter(ImageFilter.GaussianBlur(radius))
    soft.save(tmp_path / "a.jpg", quality=quality)
    soft.save(tmp_path / "b.jpg", quality=92)
    of_one_age(tmp_path)
    assert advice(tmp_path)[:2] == ("b.jpg", "less compressed")


def test_contrast_by_crushed_shadows_is_no_gain(photograph: Image.Image, tmp_path: Path) -> None:
    flat = np.asarray(photograph).astype(np.float32) * 0.7 + 20
    for name, values in (("a", (flat - 128) * 2 + 90), ("b", flat)):
        Image.fromarray(values.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{name}.jpg", quality=95, exif=dated())
    os.utime(tmp_path / "a.jpg", (1e9, 1e9))
    assert advice(tmp_path)[:2] == ("b.jpg", "shades in its shadows")


def test_what_a_rule_chose_lets_nothing_better_go(photograph: Image.Image, tmp_path: Path) -> None:
    wanted = tmp_path / "all" / "wanted"
    wanted.mkdir(parents=True)
    photograph.save(wanted / "sent.jpg", quality=20)
    photograph.save(wanted.parent / "camera.jpg", quality=92, exif=dated())
    photograph.save(wanted.parent / "fine.jpg", quality=85)
    photograph.save(wanted.parent / "coarse.jpg", quality=15)
    os.utime(wanted / "sent.jpg", (1e9, 1e9))
    stays = {"camera.jpg": "has its date", "fine.jpg": "is less compressed", "coarse.jpg": ""}
    assert advice(wanted.parent, f"folder:{wanted}") == ("sent.jpg", "in the reference folder", stays)
    assert advice(wanted.parent, "oldest") == ("sent.jpg", "oldest", stays)
    assert advice(wanted.parent)[0] == "camera.jpg"


def test_more_depth_and_a_profile_stay_beside_a_picture_of_the_reference_folder(
    photograph: Image.Image, tmp_path: Path
) -> None:
    from PIL import ImageCms

    wanted = tmp_path / "all" / "wanted"
    wanted.mkdir(parents=True)
    gray = photograph.convert("L")
    gray.save(wanted / "web.jpg", quality=90)
    deep = np.asarray(gray).astype(np.uint16) * 256 + np.arange(480, dtype=np.uint16) % 97
    Image.fromarray(deep).save(wanted.parent / "master.png")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray.save(wanted.parent / "profile.jpg", quality=90, icc_profile=profile)
    stays = {"master.png": "has more depth", "profile.jpg": "has more metadata"}
    assert advice(wanted.parent, f"folder:{wanted}") == ("web.jpg", "in the reference folder", stays)


def test_the_dated_original_stays_beside_one_that_was_enlarged_and_sharpened(
    photograph: Image.Image, tmp_path: Path
) -> None:
    photograph.save(tmp_path / "a.jpg", quality=92, exif=dated())
    large = photograph.resize((960, 640), Image.Resampling.BICUBIC).filter(ImageFilter.UnsharpMask(2, 150, 2))
    large.save(tmp_path / "large.jpg", quality=92)
    name, _, stays = advice(tmp_path)
    assert name == "a.jpg" or stays == {"a.jpg": "has its date"}


@pytest.mark.parametrize(("share", "stays"), [(0.82, "has more detail"), (0.93, "")])
def test_a_cut_of_clearly_more_pixels_stays(share: float, stays: str, tmp_path: Path) -> None:
    whole = Image.open(photographs()["coffee"]).convert("RGB")
    place = io.BytesIO()
    whole.crop((60, 40, whole.width - 60, whole.height - 40)).save(place, "JPEG", quality=93)
    (tmp_path / "cut.jpg").write_bytes(place.getvalue())
    size = round(whole.width * share), round(whole.height * share)
    whole.resize(size, Image.Resampling.LANCZOS).save(tmp_path / "whole.jpg", quality=93)
    assert advice(tmp_path)[::2] == ("whole.jpg", {"cut.jpg": stays})


@pytest.mark.parametrize("quality", [8, 12])
def test_copies_of_very_strong_compression_go(quality: int, tmp_path: Path) -> None:
    """Colors lie far beside their place then, and are no print."""
    (tmp_path / "p").mkdir()
    names = ("chelsea", "coffee", "china", "astronaut")
    for name in names:
        photograph = Image.open(photographs()[name]).convert("RGB").resize((600, 400))
        photograph.save(tmp_path / "p" / f"{name}.png")
        photograph.save(tmp_path / "p" / f"{name}-sent.jpg", quality=quality)
    found = index_of(tmp_path / "p").duplicates()
    assert sorted(Path(group.keep.path).stem for group in found) == sorted(names)
    assert all(not copy.stays for group in found for copy in group.others)


def test_an_animation_of_few_colors_is_a_copy_of_one_of_all(tmp_path: Path) -> None:
    photograph = Image.open(photographs()["china"]).convert("RGB").resize((480, 320))
    frames = [photograph.crop((20 * k, 0, 400 + 20 * k, 320)) for k in range(4)]
    (tmp_path / "p").mkdir()
    for name in ("moves.webp", "moves.gif"):
        frames[0].save(tmp_path / "p" / name, save_all=True, append_images=frames[1:], duration=120, loop=0)
    (group,) = index_of(tmp_path / "p").duplicates()
    assert (Path(group.keep.path).name, [copy.stays for copy in group.others]) == ("moves.webp", [""])


def drawing(kind: str, photograph: Image.Image) -> Image.Image:
    """Something in black and white: thin lines, or the dots of a print."""
    if kind == "dots":
        return photograph.convert("1").convert("L")
    sheet, rng = Image.new("L", (600, 500), 255), np.random.default_rng(0)
    for _ in range(60):
        ImageDraw.Draw(sheet).line([tuple(rng.integers(0, 500, 2)) for _ in range(2)], fill=0, width=2)
    return sheet


@pytest.mark.parametrize(
    ("kind", "share", "quality"), [("lines", 1, 60), ("lines", 1, 30), ("lines", 2, 70), ("dots", 1, 60)]
)
def test_what_an_encoder_adds_around_lines_is_no_shade(
    kind: str, share: int, quality: int, photograph: Image.Image, tmp_path: Path
) -> None:
    sheet = drawing(kind, photograph)
    sheet.save(tmp_path / "sheet.png")
    small = sheet.resize((sheet.width // share, sheet.height // share), Image.Resampling.BOX)
    small.save(tmp_path / "a.jpg", quality=quality)
    os.utime(tmp_path / "a.jpg", (1e9, 1e9))
    assert advice(tmp_path)[::2] == ("sheet.png", {"a.jpg": ""})
