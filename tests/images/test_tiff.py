"""TIFF as it is written: every combination that tifffile writes comes back as the array that was written."""

import io
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from visus import FormatError, InputError
from visus.images import decode
from visus.images.facts import facts_of

TYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")
COMPRESSIONS = (None, "lzw", "deflate", "packbits", "lzma", "zstd")
PHOTOMETRICS = {"minisblack": 1, "miniswhite": 1, "rgb": 3, "separated": 4}
ALPHAS = (None, "unspecified", "assocalpha", "unassalpha")
TURNS = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: np.rot90(np.fliplr(p)),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(np.fliplr(p), -1),
    8: np.rot90,
}
CASES = list(itertools.product(TYPES, (False, True), (False, True), COMPRESSIONS, PHOTOMETRICS, ALPHAS))
_RANDOM = np.random.default_rng(0)


def written(kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Numbers that are a picture's: floats in [0, 1], whole ones from 0 to 65535 or to the most of their type."""
    if kind[0] == "f":
        return _RANDOM.random(shape).astype(kind)
    most = min(np.iinfo(kind).max, 65535)
    return _RANDOM.integers(0, most, shape, endpoint=True).astype(kind)


def expected(values: NDArray[Any], photometric: str, alpha: str | None) -> NDArray[np.float64]:
    """The picture ``(H, W, 3)`` in its own range, by the definitions in TIFF 6.0, section by section."""
    most = 255.0 if values.dtype.itemsize == 1 else 65535.0
    numbers = values.astype(np.float64)
    numbers = np.rint(numbers * most) if values.dtype.kind == "f" else numbers
    channels = PHOTOMETRICS[photometric]
    colors = numbers[:, :, :channels]
    colors = most - colors if photometric == "miniswhite" else colors
    if photometric == "separated":
        return np.rint((most - colors[:, :, :3]) * (most - colors[:, :, 3:]) / most)
    if alpha in ("assocalpha", "unassalpha"):
        share = numbers[:, :, channels:] / most
        colors = (colors if alpha == "assocalpha" else colors * share) + most * (1 - share)
    return np.broadcast_to(np.clip(np.rint(colors), 0, most), (*values.shape[:2], 3))


def file_of(
    values: NDArray[Any], photometric: str, alpha: str | None, *, planar: bool, turn: int = 1, **options: Any
) -> bytes:
    several = values.shape[2] > 1
    content = np.moveaxis(values, 2, 0) if planar and several else values if several else values[:, :, 0]
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(content),
        photometric=photometric,
        planarconfig=("separate" if planar else "contig") if several else None,
        extrasamples=[alpha] if alpha else None,
        extratags=[(274, 3, 1, turn, True)],
        metadata=None,
        **options,
    )
    return buffer.getvalue()


def check(number: int, case: tuple[Any, ...], turn: int, order: str) -> None:
    kind, planar, tiled, compression, photometric, alpha = case
    if photometric == "separated" and alpha in ("assocalpha", "unassalpha"):
        return  # no program gives inks an alpha
    channels = PHOTOMETRICS[photometric] + (alpha is not None)
    values = written(kind, (20 + number % 3, 35, channels))
    options = {"tile": (16, 16)} if tiled else {"rowsperstrip": 1 + number % 20}
    data = file_of(
        values, photometric, alpha, planar=planar, turn=turn, byteorder=order, compression=compression, **options
    )
    right = TURNS[turn](expected(values, photometric, alpha))
    found = decode(data, depth=None)
    assert found.pixels.dtype == (np.uint8 if values.dtype.itemsize == 1 else np.uint16), case
    assert found.pixels.shape == right.shape, case
    assert np.abs(found.pixels - right).max() <= 1, case
    if alpha in (None, "unspecified") and photometric != "separated":
        assert np.array_equal(found.pixels, right), case
    assert bool(found.notes) == (alpha == "unspecified"), case


def share_of(every: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Cases spread over all, so that each pair of settings is among them."""
    return ((k, CASES[k]) for k in range(0, len(CASES), every))


def test_a_share_of_all_that_tifffile_writes() -> None:
    for number, case in share_of(11):  # coprime to the number of all settings
        check(number, case, 1 + number % 8, "<>"[number // 8 % 2])


@pytest.mark.slow
def test_all_that_tifffile_writes() -> None:
    turns, orders = _RANDOM.integers(1, 9, len(CASES)), _RANDOM.integers(0, 2, len(CASES))
    for number, case in share_of(1):
        check(number, case, int(turns[number]), "<>"[orders[number]])


@pytest.mark.parametrize(("compression", "options"), [
    ("jpeg2000", {"compressionargs": {"reversible": True, "level": 0}}),
    ("png", {}), ("lerc", {}), ("jpegxl", {"compressionargs": {"lossless": True}}),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_compressions_of_slides_and_satellites(compression: str, options: dict[str, Any], kind: str) -> None:
    values = written(kind, (32, 48, 3))
    data = file_of(values, "rgb", None, planar=False, compression=compression, tile=(16, 16), **options)
    assert np.array_equal(decode(data, depth=None).pixels, values)


def test_jpeg_and_webp_in_tiles() -> None:
    smooth = np.asarray(Image.linear_gradient("L").resize((64, 64)))[:, :, None].repeat(3, axis=2)
    for compression, options in (("jpeg", {"level": 95}), ("webp", {"lossless": True})):
        data = file_of(
            smooth, "rgb", None, planar=False, compression=compression, tile=(32, 32), compressionargs=options
        )
        assert np.abs(decode(data).pixels.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
def test_predictors(kind: str) -> None:
    values = written(kind, (20, 30, 3))
    data = file_of(values, "rgb", None, planar=False, compression="lzw", predictor=True)
    assert np.array_equal(decode(data, depth=None).pixels, expected(values, "rgb", None))


def test_palette_of_16_bits() -> None:
    colors = _RANDOM.integers(0, 65536, (3, 65536)).astype(np.uint16)
    values = written("u2", (9, 7))
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="palette", colormap=colors)
    assert np.array_equal(decode(buffer.getvalue(), depth=None).pixels, np.moveaxis(colors[:, values], 0, -1))


def test_pages_by_their_number() -> None:
    pages = written("u2", (4, 9, 7))
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pages, photometric="minisblack")
    data = buffer.getvalue()
    for number in range(4):
        assert np.array_equal(decode(data, depth=None, page=number).pixels[:, :, 0], pages[number])
    with pytest.raises(InputError, match="4 pages"):
        decode(data, page=4)


@pytest.mark.parametrize(("values", "what"), [
    (np.array([[-3, 4]], np.int16), "integers from -3 to 4"),
    (np.array([[-128, 4]], np.int8), "integers from -128 to 4"),
    (np.array([[0, 70000]], np.uint32), "integers from 0 to 70000"),
    (np.array([[0.0, 2.5]], np.float32), "floats from 0 to 2.5"),
    (np.array([[0.0, 1.0, np.nan]], np.float32), "NaN"),
])  # fmt: skip
def test_numbers_that_are_no_picture_are_said_or_stretched(values: NDArray[Any], what: str) -> None:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack")
    with pytest.raises(FormatError, match=what):
        decode(buffer.getvalue())
    found = decode(buffer.getvalue(), range="own")
    assert found.pixels[0, 0, 0] == 0
    assert found.pixels[0, 1, 0] == 255
    assert found.notes[0].endswith("stretched to their own range")


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
def test_few_bits_in_sixteen(bits: int) -> None:
    most = (1 << bits) - 1
    values = np.array([[0, most // 3, most]], np.uint16)
    for kind in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, kind)
        data = buffer.getvalue()
        assert np.array_equal(decode(data, depth=None).pixels[0, :, 0], values[0])
        assert decode(data, depth=None).notes == ()
        found = decode(data, range="own")
        assert found.pixels[0, :, 0].tolist() == [0, 85, 255]
        assert found.notes == (f"{bits} of 16 bits stretched",)


def test_a_range_that_the_file_tells() -> None:
    values = np.array([[100, 600, 1100]], np.uint16)
    buffer = io.BytesIO()
    tags = [(340, 3, 1, 100, True), (341, 3, 1, 1100, True)]
    tifffile.imwrite(buffer, values, photometric="minisblack", extratags=tags)
    found = decode(buffer.getvalue(), range="own")
    assert found.pixels[0, :, 0].tolist() == [0, 128, 255]
    assert "100 to 1100" in found.notes[0]


def test_sixteen_bits_that_are_used_stay() -> None:
    values = np.array([[0, 20000]], np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack")
    assert decode(buffer.getvalue(), range="own").notes == ()


def test_packed_twelve_bits() -> None:
    values = np.array([[0, 1365, 4095]], np.uint16)
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, photometric="minisblack", bitspersample=12)
    assert decode(buffer.getvalue()).pixels[0, :, 0].tolist() == [0, 85, 255]


def test_what_is_missing_at_the_end_is_told() -> None:
    data = file_of(written("u2", (40, 30, 3)), "rgb", None, planar=True)
    for cut in (10, 1000, len(data) - 200):
        with pytest.raises(FormatError):
            decode(data[:-cut])


def test_colors_and_compressions_that_are_not_read_are_named() -> None:
    mosaic = io.BytesIO()
    tifffile.imwrite(mosaic, written("u2", (16, 16)), photometric=32803, metadata=None)
    with pytest.raises(FormatError, match="CFA"):
        decode(mosaic.getvalue())


def test_facts_of_what_pillow_does_not_open() -> None:
    data = file_of(written("u2", (8, 9, 3)), "rgb", None, planar=True, datetime="2020:02:03 04:05:06")
    facts = facts_of(data)
    assert (facts.container, facts.depth, facts.frames) == ("TIFF", 16, 1)
    assert facts.captured == 1580702706000


# Without imagecodecs --------------------------------------------------------------------------------------------


def test_without_codecs_plain_compressions_are_read_and_others_named(tmp_path: Path) -> None:
    """In a process where imagecodecs cannot be imported: tifffile chooses its decoders when it is imported."""
    planes = _RANDOM.integers(0, 65535, (3, 20, 30), np.uint16)
    for compression in (None, "deflate", "packbits", "lzma", "lzw"):
        tifffile.imwrite(tmp_path / f"{compression}.tif", planes, photometric="rgb", planarconfig="separate",
                         compression=compression, predictor=compression in ("deflate", "lzw"))  # fmt: skip
    floats = np.linspace(0, 1, 600, dtype=np.float32).reshape(20, 30)
    tifffile.imwrite(tmp_path / "float.tif", floats, compression="deflate", predictor=3)
    np.save(tmp_path / "right.npy", np.moveaxis(planes, 0, 2))
    code = (
        "import sys; sys.modules['imagecodecs'] = None\n"
        "import numpy as np, visus, visus.images\n"
        "right = np.load('right.npy')\n"
        "for name in ('None', 'deflate', 'packbits', 'lzma'):\n"
        "    assert (visus.images.decode(open(f'{name}.tif', 'rb').read(), depth=None).pixels == right).all(), name\n"
        "for name in ('lzw', 'float'):\n"
        "    try: visus.read(f'{name}.tif')\n"
        "    except visus.FormatError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [line.split(" ")[0] for line in told.stdout.splitlines()] == ["lzw.tif", "float.tif"]
    assert told.stdout.count("pip install 'visus[codecs]'") == 2
