"""What JPEG once took from a picture is seen in its pixels, however finely it was encoded since."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.support.photographs import photographs
from visus import Index
from visus.images import read, write
from visus.images.facts import facts_of, luma_table
from visus.search.duplicates.lying import Lying
from visus.search.duplicates.rounding import blocks_of, crowding, explains, follows, mean_step

_PICTURE = Image.fromarray(read(photographs()["coffee"])).resize((480, 320), Image.Resampling.BOX)


def _through_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    place = io.BytesIO()
    picture.save(place, "JPEG", quality=quality)
    return Image.open(place)


def _gray(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("L"))


def _blocks(picture: Image.Image) -> NDArray[np.uint8]:
    return blocks_of(_gray(picture))


@pytest.mark.parametrize("quality", [30, 50, 75, 90])
@pytest.mark.parametrize("turn", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90, None])
def test_the_first_encoding_shows_through_a_finer_one(quality: int, turn: Image.Transpose | None) -> None:
    first = _through_jpeg(_PICTURE, quality)
    told = float(np.mean(first.quantization[0]))  # pyright: ignore[reportAttributeAccessIssue]
    again = first.convert("RGB") if turn is None else first.convert("RGB").transpose(turn)
    assert mean_step(_blocks(again)) == pytest.approx(told, rel=0.2)
    assert mean_step(_blocks(_through_jpeg(again, 95))) == pytest.approx(told, rel=0.2)


def test_what_was_never_rounded_or_scaled_since_tells_of_none() -> None:
    noise = np.random.default_rng(0).normal(128, 40, (320, 480)).clip(0, 255).astype(np.uint8)
    drawn = np.zeros((320, 480), np.uint8)
    drawn[40:90, 60:400] = 255
    small = _through_jpeg(_PICTURE, 50).resize((400, 264))
    for pixels in (noise, drawn, np.zeros((5, 9), np.uint8), _gray(_PICTURE), _gray(small)):
        assert mean_step(blocks_of(pixels)) == 0


@pytest.mark.parametrize(
    ("others", "kept"),
    [
        ({"b.jpg": (30, 95), "c.jpg": (75, 95)}, "a.jpg"),  # encoded finely, after a coarse encoding
        ({"b.png": (30, None)}, "a.jpg"),  # lossless, of what was left
        ({"b.png": (None, None), "c.jpg": (75, 95)}, "b.png"),
    ],
)
def test_a_coarse_encoding_is_not_kept_over_a_finer_one_that_looks_coarser(
    others: dict[str, tuple[int | None, int | None]], kept: str, tmp_path: Path
) -> None:
    _PICTURE.save(tmp_path / "a.jpg", quality=75)
    for name, (first, then) in others.items():
        picture = _PICTURE if first is None else _through_jpeg(_PICTURE, first).convert("RGB")
        write(tmp_path / name, np.asarray(picture), **({} if then is None else {"quality": then}))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == kept
    assert len(group.others) == len(others)


def test_of_equally_coarse_ones_the_first_encoding_is_kept(tmp_path: Path) -> None:
    _PICTURE.save(tmp_path / "b.jpg", quality=60)
    Image.open(tmp_path / "b.jpg").save(tmp_path / "a.jpg", quality=97)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "b.jpg"
    assert group.why == "not encoded again"


@pytest.mark.parametrize("dated", [False, True])
def test_what_was_made_of_a_jpeg_is_not_kept_over_it_since_that_hides_its_steps(dated: bool, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    _PICTURE.save(tmp_path / "a.jpg", quality=70, exif=exif if dated else b"")
    decoded = Image.open(tmp_path / "a.jpg").convert("RGB")
    decoded.resize((2 * decoded.width, 2 * decoded.height)).save(tmp_path / "double.jpg", quality=95)
    decoded.point(lambda level: level * 0.7).save(tmp_path / "dim.png")
    for place, age in zip(("a.jpg", "double.jpg", "dim.png"), (0, 9, 9), strict=True):
        when = 1_700_000_000 + (-age if dated else age)  # with a date, the original may be the newest file
        os.utime(tmp_path / place, (when, when))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "a.jpg"
    assert len(group.others) == 2


_ENCODINGS = {
    "webp": {"quality": 95},
    "avif": {"quality": 90},
    "jp2": {"quality_mode": "rates", "quality_layers": [8]},
    "png": {},
    "jpg": {"quality": 98},
}
"""By which a JPEG of quality 92 is encoded again, without that it says so."""


@pytest.mark.parametrize("kind", _ENCODINGS)
@pytest.mark.parametrize("again", [True, False])
def test_a_fine_jpeg_is_kept_over_its_encodings_and_no_other(again: bool, kind: str, tmp_path: Path) -> None:
    _PICTURE.save(tmp_path / "a.jpg", quality=92)
    source = Image.open(tmp_path / "a.jpg") if again else _PICTURE
    source.convert("RGB").save(tmp_path / f"b.{kind}", **_ENCODINGS[kind])
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert (Path(group.keep.path).name == "a.jpg") == again
    assert (group.why == "not encoded again") == again


_TURN = Image.Transpose


@pytest.mark.parametrize("turn", [None, _TURN.ROTATE_90, _TURN.ROTATE_180, _TURN.FLIP_LEFT_RIGHT, _TURN.TRANSVERSE])
@pytest.mark.parametrize("its", [True, False])
def test_a_png_goes_beside_the_jpeg_that_it_was_made_of_and_beside_no_other(
    its: bool, turn: Image.Transpose | None, tmp_path: Path
) -> None:
    def turned(picture: Image.Image) -> Image.Image:
        return picture if turn is None else picture.transpose(turn)

    first = _through_jpeg(_PICTURE, 68)  # about as coarse as what is in the folder, and not there
    turned(first).save(tmp_path / "a.jpg", quality=75)
    png = turned(Image.open(tmp_path / "a.jpg")) if its else first
    png.save(tmp_path / "b.png")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == ("a.jpg" if its else "b.png")


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_turns_and_their_ways_back(quarters: int, mirrored: bool) -> None:
    pixels, lies = np.arange(6).reshape(2, 3), Lying(quarters, mirrored)
    assert np.array_equal(lies.back().of(lies.of(pixels)), pixels)
    for other in (Lying(1), Lying(3, mirrored=True)):
        assert np.array_equal(lies.then(other).of(pixels), other.of(lies.of(pixels)))


@pytest.mark.parametrize(
    "name", ["FLIP_LEFT_RIGHT", "ROTATE_90", "ROTATE_180", "ROTATE_270", "TRANSPOSE", "TRANSVERSE"]
)
def test_relations_say_how_a_copy_lies(name: str, tmp_path: Path) -> None:
    turned = _PICTURE.transpose(_TURN[name])
    _PICTURE.save(tmp_path / "a.png")
    turned.resize((turned.width // 2, turned.height // 2)).save(tmp_path / "b.png")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (copy,) = index.duplicates()[0].others
    lies = Lying(copy.relation.turn // 90, "mirrored" in copy.relation.names)
    assert np.array_equal(lies.of(np.asarray(_PICTURE)), np.asarray(turned))


@pytest.mark.parametrize(("times", "quality"), [(2, 92), (1.5, 92), (2, 95)])
@pytest.mark.parametrize("real", [True, False])
def test_what_was_made_larger_of_a_fine_jpeg_is_not_kept_over_it(
    real: bool, times: float, quality: int, tmp_path: Path
) -> None:
    small = _PICTURE.resize((320, 208), Image.Resampling.LANCZOS)
    small.save(tmp_path / "small.jpg", quality=quality)
    size = round(320 * times), round(208 * times)
    source = Image.open(photographs()["coffee"]).convert("RGB") if real else Image.open(tmp_path / "small.jpg")
    source.resize(size, Image.Resampling.BICUBIC).save(tmp_path / "large.jpg", quality=95)
    os.utime(tmp_path / "large.jpg", (1e9, 1e9))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == ("large.jpg" if real else "small.jpg")


@pytest.mark.parametrize("size", [(1000, 675), (1000, 672), (900, 600)])
def test_a_decoded_jpeg_has_the_same_pixels_at_every_size(size: tuple[int, int], tmp_path: Path) -> None:
    _PICTURE.resize(size).save(tmp_path / "a.jpg", quality=92)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "b.png")
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    ((copy,),) = (group.others for group in index.duplicates())
    assert copy.relation.names == ("same pixels",)


@pytest.mark.parametrize("quality", [60, 85, 92])
def test_coefficients_crowd_around_those_of_the_jpeg_that_was_encoded(quality: int) -> None:
    written = io.BytesIO()
    _PICTURE.save(written, "JPEG", quality=quality)
    steps = luma_table(written.getvalue())
    assert steps is not None
    assert steps.mean() == pytest.approx(facts_of(written.getvalue()).compression)
    assert steps[0, 1] <= steps[0, 7]
    rounded = _blocks(Image.open(written))
    assert crowding(_blocks(_through_jpeg(Image.open(written), 98)), rounded, steps) > 0.8
    for other in (_blocks(_PICTURE), _blocks(_through_jpeg(_PICTURE, 98)), rounded[:9], np.zeros_like(rounded)):
        assert not crowding(other, rounded, steps) >= 0.1  # NaN where nothing tells


_CHANGES = {
    "blurred": lambda picture: picture.filter(ImageFilter.GaussianBlur(1)),
    "sharpened": lambda picture: picture.filter(ImageFilter.UnsharpMask(2, 150)),
    "noisy": lambda picture: Image.fromarray(
        (np.asarray(picture) + np.random.default_rng(0).normal(0, 10, np.asarray(picture).shape))
        .clip(0, 255)
        .astype("u1")
    ),
    "of few colors": lambda picture: picture.quantize(48).convert("RGB"),
    "without grain": lambda picture: picture.filter(ImageFilter.MedianFilter(3)),
}


@pytest.mark.parametrize("quality", [40, 75, 95])
def test_only_the_source_explains_what_was_encoded_from_it(quality: int) -> None:
    coarse = _through_jpeg(_PICTURE, quality)
    step = float(np.mean(coarse.quantization[0]))  # pyright: ignore[reportAttributeAccessIssue]
    assert explains(_blocks(_PICTURE), _blocks(coarse), step)
    assert explains(_blocks(_through_jpeg(_PICTURE, 98)), _blocks(coarse), step)
    for change in _CHANGES.values():
        assert not explains(_blocks(change(coarse.convert("RGB"))), _blocks(coarse), step)


@pytest.mark.parametrize("change", _CHANGES)
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_changed_copy_of_finer_encoding_is_not_kept_over_the_original(
    change: str, suffix: str, tmp_path: Path
) -> None:
    _PICTURE.save(tmp_path / "b.jpg", quality=80)
    with Image.open(tmp_path / "b.jpg") as original:
        _CHANGES[change](original.convert("RGB")).save(tmp_path / f"a{suffix}", quality=95)
    for name in ("b.jpg", f"a{suffix}"):  # of one age
        os.utime(tmp_path / name, (1e9, 1e9))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "b.jpg"
    assert group.why in ("likely the source", "more real detail")


_WAYS = {
    "nearest": Image.Resampling.NEAREST,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("quality", [60, 75, 88])
def test_a_picture_made_larger_follows_the_rounding_of_the_small_one(way: str, quality: int) -> None:
    small = _through_jpeg(_PICTURE, quality).convert("RGB")
    large = small.resize((960, 640), _WAYS[way])
    assert follows(_gray(large), _gray(small))
    assert follows(_gray(_through_jpeg(large, 95)), _gray(small))


@pytest.mark.parametrize("way", [*_WAYS.values(), Image.Resampling.BOX, Image.Resampling.BILINEAR])
@pytest.mark.parametrize("quality", [40, 60, 75, 88])
@pytest.mark.parametrize("share", [0.5, 0.7])
def test_the_source_of_a_small_picture_does_not_follow_it(way: Image.Resampling, quality: int, share: float) -> None:
    size = round(_PICTURE.width * share), round(_PICTURE.height * share)
    small = _through_jpeg(_PICTURE.resize(size, way), quality)
    assert not follows(_gray(_PICTURE), _gray(small))


@pytest.mark.parametrize("way", _WAYS)
def test_an_enlarged_copy_is_not_kept_though_it_is_the_older_file(way: str, tmp_path: Path) -> None:
    _PICTURE.save(tmp_path / "b.jpg", quality=80)
    with Image.open(tmp_path / "b.jpg") as original:
        original.resize((960, 640), _WAYS[way]).save(tmp_path / "a.png")
    os.utime(tmp_path / "a.png", (1e9, 1e9))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "b.jpg"
    assert group.why == "not enlarged"


def test_a_camera_file_with_further_pictures_that_lies_on_its_side_is_the_source(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned as it is shown
    lying = _PICTURE.crop((0, 0, 320, 320)).transpose(Image.Transpose.ROTATE_90)
    lying.save(tmp_path / "a.jpg", "MPO", quality=95, exif=exif, save_all=True, append_images=[lying.resize((64, 64))])
    upright = lying.transpose(Image.Transpose.ROTATE_270)
    upright.save(tmp_path / "b.jpg", quality=60)
    os.utime(tmp_path / "b.jpg", (1e9, 1e9))
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "a.jpg"


def _drawn(kind: str) -> Image.Image:
    """A table of numbers, or a page of text."""
    sheet = Image.new("RGB", (960, 720), "white")
    draw, rows = ImageDraw.Draw(sheet), 30 if kind == "table" else 45
    for top in range(0, 720, rows):
        draw.line((0, top, 960, top), fill=(210, 210, 210), width=kind == "table")
        for left in range(0, 960, 130):
            words = f"{(top * 77 + left * 13) % 997}.{left % 89:02}" if kind == "table" else "each position of"
            draw.text((left + 12, top + 8), words, fill=(30, 30, 30), font=ImageFont.load_default(13))
    return sheet


@pytest.mark.parametrize("kind", ["table", "page"])
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_what_was_drawn_tells_of_no_rounding_and_explains_its_encoding(kind: str, quality: int, tmp_path: Path) -> None:
    sheet = _drawn(kind)
    sheet.save(tmp_path / "sheet.png")
    sheet.save(tmp_path / "sent.jpg", quality=quality)
    os.utime(tmp_path / "sent.jpg", (1e9, 1e9))  # nothing that times tell
    assert mean_step(_blocks(sheet)) == 0
    with Image.open(tmp_path / "sent.jpg") as sent:
        step = float(np.mean(sent.quantization[0]))  # pyright: ignore[reportAttributeAccessIssue]
        assert explains(_blocks(sheet), _blocks(sent), step)  # though what is lighter than white is cut off
        for change in (_CHANGES["blurred"], _CHANGES["sharpened"], _CHANGES["noisy"]):
            assert not explains(_blocks(change(sent.convert("RGB"))), _blocks(sent), step)
    index = Index(tmp_path / "i.visus")
    index.add(tmp_path)
    (group,) = index.duplicates()
    assert Path(group.keep.path).name == "sheet.png"
