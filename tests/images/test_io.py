"""Reading and writing picture files."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageOps

from tests.support.bad_files import bad_files, encoded, png_of
from tests.support.pictures import scene
from visus import FormatError, InputError, read, write
from visus.images import decode, shrink


def _encode(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_lossless_formats_come_back_unchanged(kind: str) -> None:
    assert np.array_equal(decode(encoded(kind)).pixels, scene(1))


def test_lossless_webp_comes_back_unchanged() -> None:
    assert np.array_equal(decode(encoded("WEBP", lossless=True)).pixels, scene(1))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 30}])
def test_jpeg_equals_pillow(options: dict[str, object]) -> None:
    data = encoded("JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert np.abs(decode(data).pixels.astype(int) - expected).max() <= 1


def test_first_frame_of_gif_and_first_page_of_tiff() -> None:
    frames = [Image.new("RGB", (9, 7), color) for color in ((255, 0, 0), (0, 0, 255))]
    for kind in ("GIF", "TIFF"):
        data = _encode(frames[0], kind, save_all=True, append_images=frames[1:])
        assert decode(data).pixels[0, 0].tolist() == [255, 0, 0]


def test_gray_and_bilevel_become_rgb() -> None:
    gray = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    pixels = decode(_encode(Image.fromarray(gray), "PNG")).pixels
    assert pixels.shape == (3, 4, 3)
    assert np.array_equal(pixels[:, :, 1], gray)
    bilevel = Image.fromarray(gray > 100)
    assert set(np.unique(decode(_encode(bilevel, "PNG")).pixels)) == {0, 255}
    assert decode(_encode(Image.fromarray(gray), "JPEG")).pixels.shape == (3, 4, 3)


def test_palette() -> None:
    picture = Image.fromarray(scene(2)).quantize(16)
    assert np.array_equal(decode(_encode(picture, "PNG")).pixels, np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_laid_over_white(mode: str) -> None:
    color = (100, 128)[: len(mode)] if mode == "LA" else (100, 50, 200, 128)
    pixels = decode(_encode(Image.new(mode, (4, 4), color), "PNG")).pixels
    share = 128 / 255
    expected = [v * share + 255 * (1 - share) for v in (color[:1] * 3 if mode == "LA" else color[:3])]
    assert np.abs(pixels[0, 0] - np.array(expected)).max() <= 1


def test_every_alpha_over_every_gray_is_as_pillow_lays_it() -> None:
    gray, alpha = np.meshgrid(np.arange(256, dtype=np.uint8), np.arange(256, dtype=np.uint8))
    rgba = Image.fromarray(np.dstack([gray, gray, gray, alpha]))
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    expected = np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    found = decode(_encode(rgba, "PNG")).pixels
    assert np.array_equal(found, expected)
    exact = gray * (alpha / 255) + 255 - alpha
    assert np.abs(found[:, :, 0] - exact).max() <= 0.5


def test_transparent_palette_is_laid_over_white() -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([10, 20, 30] + [0] * 765)
    assert (decode(_encode(picture, "PNG", transparency=0)).pixels == 255).all()


def test_cmyk() -> None:
    picture = Image.fromarray(scene(3)).convert("CMYK")
    data = _encode(picture, "JPEG", quality=100)
    assert np.abs(decode(data).pixels.astype(int) - scene(3).astype(int)).mean() < 4


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_gray(kind: str) -> None:
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    data = _encode(Image.fromarray(deep), kind)
    assert np.array_equal(decode(data).pixels[:, :, 0], np.rint(deep / 257))
    assert np.array_equal(decode(data, depth=16).pixels[:, :, 2], deep)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_rgb_keeps_every_bit_and_the_order_of_channels(tmp_path: Path, suffix: str) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (6, 5, 3)).astype(np.uint16)
    write(tmp_path / f"deep{suffix}", deep)
    assert np.array_equal(read(tmp_path / f"deep{suffix}", depth=16), deep)
    assert np.array_equal(read(tmp_path / f"deep{suffix}"), np.rint(deep / 257))


def test_sixteen_bit_alpha_is_laid_over_white() -> None:
    row = np.array([[1000, 2000, 3000, 0], [1000, 2000, 3000, 65535]], ">u2")
    data = png_of(2, 1, b"\x00" + row.tobytes(), depth=16, color=6)
    assert decode(data, depth=16).pixels.tolist() == [[[65535] * 3, [1000, 2000, 3000]]]


@pytest.mark.parametrize("colors", [1, 3])
def test_the_one_color_of_sixteen_bits_that_is_clear(colors: int) -> None:
    row = np.array([[1000, 2000, 3000], [1000, 2000, 3001]], ">u2")[:, :colors]
    row[1, 0] += colors == 1
    clear = np.array([1000, 2000, 3000], ">u2")[:colors].tobytes()
    data = png_of(2, 1, b"\x00" + row.tobytes(), depth=16, color=0 if colors == 1 else 2, clear=clear)
    found = decode(data, depth=16).pixels[0]
    assert found.tolist() == [[65535] * 3, [1001] * 3 if colors == 1 else [1000, 2000, 3001]]


def test_eight_bits_asked_for_as_sixteen() -> None:
    assert np.array_equal(decode(encoded("PNG"), depth=16).pixels, scene(1).astype(np.uint16) * 257)


def test_float_tiff_in_unit_range() -> None:
    data = _encode(Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)), "TIFF")
    assert decode(data).pixels[0, :, 0].tolist() == [0, 128, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    data = _encode(Image.fromarray(scene(4, 64, 40)), kind, exif=exif, **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    answer = decode(data)
    assert (answer.height, answer.width) == expected.shape[:2]
    assert np.abs(answer.pixels.astype(int) - expected.astype(int)).max() <= 1


def test_an_orientation_that_is_none_changes_nothing() -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4)
    exif = Image.Exif()
    exif[0x0112] = 0
    for kind in ("PNG", "TIFF"):
        data = _encode(Image.fromarray(deep), kind, exif=exif)
        assert np.array_equal(decode(data, depth=16).pixels[:, :, 0], deep)
    assert np.array_equal(decode(encoded("JPEG", exif=exif)).pixels, decode(encoded("JPEG")).pixels)


def test_exif_orientation_of_sixteen_bits() -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    exif = Image.Exif()
    exif[0x0112] = 6
    data = _encode(Image.fromarray(deep), "PNG", exif=exif)
    assert np.array_equal(decode(data, depth=16).pixels[:, :, 0], np.rot90(deep, -1))


def test_damaged_exif_block_does_not_lose_the_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(encoded("JPEG", exif=exif))
    start = data.index(b"Exif\x00\x00") + 6
    data[start : start + 8] = b"\xff" * 8
    assert np.array_equal(decode(bytes(data)).pixels, decode(encoded("JPEG")).pixels)


def test_harmless_jpeg_oddities_are_read() -> None:
    data = encoded("JPEG")
    plain = decode(data).pixels
    assert np.array_equal(decode(data + b"appended by a camera" * 10).pixels, plain)
    assert np.array_equal(decode(data[:-2] + bytes(30) + data[-2:]).pixels, plain)


@pytest.mark.parametrize("least", [64, 100, 200, 401])
def test_reduced_decoding_keeps_the_least_side(least: int) -> None:
    data = _encode(Image.fromarray(scene(5, 800, 640)), "JPEG", quality=95)
    answer = decode(data, min_side=least)
    height, width = answer.pixels.shape[:2]
    assert (answer.width, answer.height) == (800, 640)
    assert least <= min(height, width)
    if least <= 200:
        assert height < 640
    expected = np.asarray(Image.fromarray(scene(5, 800, 640)).resize((width, height), Image.Resampling.BOX))
    assert np.abs(answer.pixels.astype(int) - expected.astype(int)).mean() < 3


def test_reduced_decoding_never_enlarges() -> None:
    assert np.array_equal(decode(encoded("JPEG"), min_side=5000).pixels, decode(encoded("JPEG")).pixels)


@pytest.mark.parametrize(("name", "content"), bad_files().items(), ids=bad_files())
def test_bad_file_is_one_clear_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with warnings.catch_warnings(action="ignore"), pytest.raises(InputError) as caught:  # Pillow warns on its way
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert message.endswith(".")


def test_there_are_thirty_kinds_of_bad_file() -> None:
    assert len(bad_files()) >= 30


def test_folder_missing_file_and_pipe(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    for name, word in (("x.jpg", "folder"), ("none.jpg", "does not exist"), ("pipe.jpg", "not a regular file")):
        with pytest.raises(InputError, match=word):
            read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded("JPEG"))
    path.chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        read(path)


def test_pixel_limit_is_an_option(tmp_path: Path) -> None:
    write(tmp_path / "a.jpg", scene(1))
    with pytest.raises(InputError, match=r"more than the limit of 0\.02 megapixels"):
        read(tmp_path / "a.jpg", max_pixels=20_000)
    assert read(tmp_path / "a.jpg", max_pixels=30_000).shape == (150, 200, 3)


def test_unicode_and_spaces_in_paths(tmp_path: Path) -> None:
    path = tmp_path / "Grüße aus 北京 🐈.png"
    write(path, scene(1))
    assert np.array_equal(read(path), scene(1))


def test_write_refuses_what_is_not_a_picture(tmp_path: Path) -> None:
    good = scene(1)
    for picture, word in (
        (good[:, :, :2], "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.full((4, 4), 2.0), r"within \[0, 1\]"),
        (np.full((4, 4), np.nan), r"within \[0, 1\]"),
        (good.astype(np.int64), "uint8"),
    ):
        with pytest.raises(InputError, match=word):
            write(tmp_path / "a.png", picture)
    with pytest.raises(InputError, match="no ending that visus writes"):
        write(tmp_path / "a.xyz", good)
    with pytest.raises(InputError, match="16 bits"):
        write(tmp_path / "a.jpg", good.astype(np.uint16))
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "no" / "a.png", good)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_too_large_for_its_format_and_a_file_too_large_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import visus.images.io as module

    with pytest.raises(InputError, match="cannot hold 17000 x 1 pixels"):
        write(tmp_path / "a.webp", np.zeros((1, 17_000, 3), np.uint8))
    write(tmp_path / "a.png", scene(1))
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="is larger than"):
        read(tmp_path / "a.png")


def test_write_bool_and_float(tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.array([[True, False]]))
    assert read(tmp_path / "a.png")[0, :, 0].tolist() == [255, 0]
    write(tmp_path / "a.png", np.array([[0.0, 0.2, 1.0]]))
    assert read(tmp_path / "a.png")[0, :, 0].tolist() == [0, 51, 255]


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
    | arrays(np.uint16, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))
)
def test_png_round_trip(picture: np.ndarray) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "a.png", picture)
        again = read(Path(folder) / "a.png") if picture.dtype == np.uint8 else read(Path(folder) / "a.png", depth=16)
    assert np.array_equal(again, picture)


@given(st.binary(max_size=200))
def test_random_bytes_never_crash(data: bytes) -> None:
    for start in (
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\x00",
        b"BM",
        b"RIFF\x00\x00\x00\x00WEBP",
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                decode(start + data)
            except InputError:
                continue


def test_format_errors_are_input_errors() -> None:
    with pytest.raises(FormatError):
        decode(b"")


def test_shrink() -> None:
    small = np.asarray(Image.fromarray(scene(1)).resize((100, 75), Image.Resampling.BOX), int)
    assert np.abs(shrink(scene(1), 100) - small).max() <= 1
    assert np.array_equal(shrink(scene(1), 500), scene(1))
    strip = np.asarray(Image.fromarray(scene(1, 300, 1)).resize((10, 1), Image.Resampling.BOX), int)
    assert np.abs(shrink(scene(1, 300, 1), 10) - strip).max() <= 1


def test_a_strip_is_cut_before_it_is_enlarged() -> None:
    from visus.images import square

    strip = np.zeros((1, 20_000, 3), np.uint8)
    strip[:, 9_000:11_000] = 200
    assert (square(strip, size=64, resize_to=64) == 200).all()
    assert square(strip.transpose(1, 0, 2), size=32, resize_to=40).shape == (32, 32, 3)


def test_a_depth_that_is_none(tmp_path: Path) -> None:
    write(tmp_path / "a.png", np.zeros((3, 4, 3), np.uint8))
    with pytest.raises(InputError, match="depth must be 8, 16 or None"):
        read(tmp_path / "a.png", depth=12)  # pyright: ignore[reportCallIssue, reportArgumentType]
