"""Large pictures strip by strip: what comes out is what comes out of the whole."""

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.images.test_color_spaces import chunk, png
from tests.support.command import visus
from tests.support.pictures import scene
from visus import InputError
from visus.images import directories, strips
from visus.images.decode import decode
from visus.images.documents import look
from visus.images.facts import facts_of, facts_of_large
from visus.images.tiff_written import SAID
from visus.search.classical import Classical
from visus.search.reading import Reader
from visus.search.walk import Found

FILTERS = [
    ("gaussian", "--sigma", "2"),
    ("gaussian", "--sigma", "1", "--padding", "mirror"),
    ("box", "--size", "7"),
    ("median", "--size", "9"),
    ("bilateral", "--sigma", "1.5", "--tolerance", "0.1"),
    ("convolve", "--kernel", "0 -1 0; -1 5 -1; 0 -1 0"),
]


def whole(monkeypatch: pytest.MonkeyPatch, *command: Any) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(strips, "LARGE", 1 << 40)
        return visus(*command).stderr


@pytest.fixture
def small_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strips of 64 rows, of any picture."""
    monkeypatch.setattr(strips, "LARGE", 1)
    monkeypatch.setattr(strips, "_STRIP", 1)


def pixels(path: Path) -> np.ndarray:
    return decode(path.read_bytes(), depth=None).pixels


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("command", FILTERS, ids=" ".join)
def test_strips_of_each_filter_equal_the_whole(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    picture = np.vstack([scene(1), scene(2), scene(3)])
    Image.fromarray(picture).save(tmp_path / "a.png")
    said = visus("filter", command[0], tmp_path / "a.png", tmp_path / "b.png", *command[1:]).stderr
    assert "read and written in strips" in said
    whole(monkeypatch, "filter", command[0], tmp_path / "a.png", tmp_path / "c.png", *command[1:])
    np.testing.assert_array_equal(pixels(tmp_path / "b.png"), pixels(tmp_path / "c.png"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("tile", [None, (32, 48)])
def test_all_kinds_of_tiff(
    kind: type, channels: int, tile: tuple[int, int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    values = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (150, 90, channels), endpoint=True).astype(kind)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values[:, :, 0] if channels == 1 else values,
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig=None if channels == 1 else "contig",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        tile=tile,
        compression="zlib",
        resolution=(300, 300),
        resolutionunit="INCH",
    )
    said = visus("filter", "median", tmp_path / "a.tif", tmp_path / "b.tif", "--size", "5").stderr
    assert "in strips" in said
    whole(monkeypatch, "filter", "median", tmp_path / "a.tif", tmp_path / "c.tif", "--size", "5")
    found, right = (tifffile.imread(tmp_path / name) for name in ("b.tif", "c.tif"))
    np.testing.assert_array_equal(found, right)
    about = look((tmp_path / "b.tif").read_bytes(), "b.tif")
    assert about.dpi == pytest.approx((300, 300), rel=1e-3)


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_all_kinds_of_png(
    kind: type, channels: int, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    values = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (150, 90, channels), endpoint=True).astype(kind)
    cv2.imwrite(str(tmp_path / "a.png"), values)
    target, right = tmp_path / f"b.{ending}", tmp_path / f"c.{ending}"
    assert "in strips" in visus("filter", "gaussian", tmp_path / "a.png", target, "--sigma", "1").stderr
    whole(monkeypatch, "filter", "gaussian", tmp_path / "a.png", right, "--sigma", "1")
    np.testing.assert_array_equal(pixels(target), pixels(right))


@pytest.mark.usefixtures("small_strips")
def test_jpeg_in_strips_and_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    exif = Image.Exif()
    exif[0x010E] = "a harbor"
    picture = Image.fromarray(np.vstack([scene(1), scene(2), scene(3)]))
    picture.save(tmp_path / "a.jpg", quality=90, exif=exif, dpi=(200, 200))
    assert "in strips" in visus("filter", "box", tmp_path / "a.jpg", tmp_path / "b.jpg").stderr
    whole(monkeypatch, "filter", "box", tmp_path / "a.jpg", tmp_path / "c.jpg")
    assert np.abs(pixels(tmp_path / "b.jpg").astype(int) - pixels(tmp_path / "c.jpg")).mean() < 0.5
    with Image.open(tmp_path / "b.jpg") as opened:
        assert opened.getexif()[0x010E] == "a harbor"
        assert opened.info["dpi"] == (200, 200)


@pytest.mark.usefixtures("small_strips")
def test_what_is_decoded_whole_is_said(tmp_path: Path) -> None:
    pytest.importorskip("pyvips")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.fromarray(scene(1))
    picture.save(tmp_path / "turned.jpg", exif=exif)
    picture.save(tmp_path / "progressive.jpg", progressive=True)
    picture.quantize(16).save(tmp_path / "palette.png")
    (tmp_path / "gamma.png").write_bytes(png(scene(1), chunk(b"gAMA", struct.pack(">I", 100_000))))
    tifffile.imwrite(
        tmp_path / "alpha.tif", np.dstack([scene(1), scene(1)[:, :, 0]]), photometric="rgb", extrasamples=["assocalpha"]
    )
    for name, why in (
        ("turned.jpg", "it is turned"),
        ("progressive.jpg", "its rows do not come from the top down"),
        ("palette.png", "it has a palette"),
        ("gamma.png", "its colors are told by numbers"),
        ("alpha.tif", "its alpha is multiplied"),
    ):
        assert f"decoded whole: {why}" in visus("filter", "box", tmp_path / name, tmp_path / f"new_{name}").stderr
    picture.save(tmp_path / "a.jpg")
    said = visus("filter", "canny", tmp_path / "a.jpg", tmp_path / "edges.png").stderr
    assert "decoded whole: all pixels count for this filter" in said


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_what_is_truncated_is_one_sentence(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("pyvips")
    path = tmp_path / f"a.{ending}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 200, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = visus("filter", "box", path, tmp_path / f"b.{ending}", code=2)
    assert "damaged or truncated" in done.stderr
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("small_strips")
def test_without_libvips_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strips, "is_installed", lambda _package: False)
    Image.fromarray(scene(1)).save(tmp_path / "a.png")
    said = visus("filter", "box", tmp_path / "a.png", tmp_path / "b.png").stderr
    assert "decoded whole: in strips with: pip install 'visus[large]'" in said
    assert strips.pixels_of(tmp_path / "none.png") == 0


@pytest.mark.usefixtures("small_strips")
def test_what_a_tiff_says_of_its_camera_is_told_to_be_left_out(tmp_path: Path) -> None:
    pytest.importorskip("pyvips")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(scene(1)).save(tmp_path / "a.tif", exif=exif)
    Image.fromarray(scene(1)).save(tmp_path / "plain.tif")
    Image.fromarray(scene(1)).save(tmp_path / "a.jpg", exif=exif)
    left = "only its resolution, color profile and description are kept"
    for source, target, lost in (
        ("a.tif", "b.tif", False),
        ("a.tif", "b.jpg", True),
        ("a.jpg", "c.tif", False),
        ("plain.tif", "d.tif", False),
        ("a.jpg", "e.jpg", False),
    ):
        said = visus("filter", "box", tmp_path / source, tmp_path / target, "--size", "3").stderr
        assert "in strips" in said
        assert (left in said) == lost


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("big", [False, True])
def test_tags_stay(big: bool, tmp_path: Path) -> None:
    pytest.importorskip("pyvips")
    more: list[Any] = [(315, 2, None, "Jörg".encode()), (33550, 12, 3, (1.0, 2.0, 0.0)), (42113, 2, None, b"0")]
    tifffile.imwrite(
        tmp_path / "a.tif", scene(1), photometric="rgb", resolution=(3, 4), resolutionunit="NONE", bigtiff=big,
        byteorder=">", extratags=[(*tag, True) for tag in more], metadata=None,
    )  # fmt: skip
    assert "in strips" in visus("filter", "box", tmp_path / "a.tif", tmp_path / "b.tif", "--size", "3").stderr
    before, after = (directories.read((tmp_path / name).read_bytes(), only=SAID) for name in ("a.tif", "b.tif"))
    assert before == after
    assert set(after) == {282, 283, 296, 305, 315, 33550, 42113}
    visus("filter", "box", tmp_path / "a.tif", tmp_path / "b.png", "--size", "3")
    assert look((tmp_path / "b.png").read_bytes(), "b").dpi == pytest.approx((72, 72), abs=0.1)


@pytest.mark.usefixtures("small_strips")
def test_chroma_that_is_whole_stays_so_and_exif_becomes_tags(tmp_path: Path) -> None:
    pytest.importorskip("pyvips")
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    for sampling, kept in ((0, 0), (1, 0), (2, 2)):
        Image.fromarray(scene(1)).save(tmp_path / "a.jpg", subsampling=sampling, exif=exif)
        visus("filter", "box", tmp_path / "a.jpg", tmp_path / "b.jpg", "--size", "3", "--force")
        assert look((tmp_path / "b.jpg").read_bytes(), "b").sampling == kept
    visus("filter", "box", tmp_path / "a.jpg", tmp_path / "c.tif", "--size", "3")
    assert directories.read((tmp_path / "c.tif").read_bytes())[0x010F] == directories.Entry(2, b"Maker\0")


@pytest.mark.usefixtures("small_strips")
def test_a_page_that_is_not_there_is_refused(tmp_path: Path) -> None:
    Image.fromarray(scene(1)).save(tmp_path / "a.jpg")
    failed = visus("filter", "box", tmp_path / "a.jpg", tmp_path / "b.jpg", "--page", "3", code=2)
    assert "number 3" in failed.stderr


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_a_large_picture_is_shrunk_on_the_way(
    mode: str, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    path = tmp_path / f"a.{ending}"
    picture = Image.fromarray(np.vstack([scene(1), scene(2)])).convert(mode)
    if "A" in mode:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(path, icc_profile=profile if mode.startswith("RGB") else None)
    large = strips.open_to_shrink(path, 10**8)
    assert large
    found, notes = strips.shrunk(large, 50)
    side = min(picture.size) // 50
    assert found.shape == (-(-picture.height // side), picture.width // side, 3)
    rows = picture.height // side
    exact = cv2.resize(pixels(path)[: rows * side], (found.shape[1], rows), interpolation=cv2.INTER_AREA)
    assert np.abs(found[:rows].astype(int) - exact).max() <= 1
    assert not notes
    assert facts_of_large(path) == facts_of(path.read_bytes(), str(path))


@pytest.mark.usefixtures("small_strips")
def test_what_is_not_shrunk_on_the_way_is_decoded_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    Image.fromarray(scene(1)).save(tmp_path / "small.png")
    assert strips.open_to_shrink(tmp_path / "small.png", 10**8) is None  # a small file
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    assert strips.open_to_shrink(tmp_path / "small.png", 10**8)
    with pytest.raises(InputError, match="more than the limit"):
        strips.open_to_shrink(tmp_path / "small.png", 100)
    Image.fromarray(scene(1)).save(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").rename(tmp_path / "jpeg.png")
    Image.fromarray(scene(1)[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "wide.png")
    Image.fromarray(scene(1)).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(scene(2))])
    for name in ("jpeg.png", "wide.png", "pages.tif", "none.png"):
        assert strips.open_to_shrink(tmp_path / name, 10**8) is None, name
    monkeypatch.setattr(strips, "LARGE", 1 << 40)
    assert strips.open_to_shrink(tmp_path / "small.png", 10**8) is None


@pytest.mark.usefixtures("small_strips")
def test_an_index_reads_large_files_in_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    Image.fromarray(np.vstack([scene(1), scene(2)])).save(tmp_path / "a.png")
    cut = (tmp_path / "a.png").read_bytes()[:-2000]
    (tmp_path / "cut.png").write_bytes(cut)
    found = [Found(str(tmp_path / name), str(tmp_path / name), 0, 0, 0, 0, 0) for name in ("a.png", "cut.png")]
    whole, _ = Reader({"color": Classical("color")}, (), {})(found)
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    shrunk, damaged = Reader({"color": Classical("color")}, (), {})(found)
    assert (shrunk.hash, shrunk.width, shrunk.height) == (whole.hash, whole.width, whole.height)
    assert shrunk.facts == whole.facts
    assert float(shrunk.vectors["color"] @ whole.vectors["color"]) > 0.98
    assert "damaged or truncated" in (damaged.failure or "")
    monkeypatch.setattr("visus.search.reading.read_bytes", None)  # what is known is hashed in parts, and not read again
    (known,) = Reader({"color": Classical("color")}, {whole.hash}, {})(found[:1])
    assert not known.vectors


def _with_chunk(path: Path, name: bytes, content: bytes, *, last: bool) -> None:
    """A PNG file with another chunk before its pixels, or behind them."""
    whole = path.read_bytes()
    place = whole.index(b"IEND") - 4 if last else whole.index(b"IDAT") - 4
    path.write_bytes(whole[:place] + chunk(name, content) + whole[place:])


_EXIF = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
_XMP = b"XML:com.adobe.xmp\0\0\0\0\0<rdf:Description tiff:Orientation='6'/>"
_TEXT = b"Comment\0" + b"sRGB iCCP " * 7000


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize(
    ("name", "content", "last"),
    [
        (b"eXIf", _EXIF, True),
        (b"iTXt", _XMP, False),
        (b"zTXt", b"Raw profile type exif\0\0x", False),
        (b"cICP", bytes([9, 16, 0, 1]), False),
    ],
)
def test_a_png_that_says_more_than_libvips_sees_is_decoded_as_a_whole(
    name: bytes, content: bytes, last: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    Image.fromarray(scene(1)).save(tmp_path / "a.png")
    assert strips.open_to_shrink(tmp_path / "a.png", 10**8)
    _with_chunk(tmp_path / "a.png", name, content, last=last)
    assert strips.open_to_shrink(tmp_path / "a.png", 10**8) is None


@pytest.mark.usefixtures("small_strips")
def test_words_in_a_text_are_no_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    Image.fromarray(scene(1)).save(tmp_path / "a.png")
    _with_chunk(tmp_path / "a.png", b"tEXt", _TEXT, last=False)
    assert strips.open_to_shrink(tmp_path / "a.png", 10**8)
    _with_chunk(tmp_path / "a.png", b"gAMA", struct.pack(">I", 100_000), last=False)
    assert strips.open_to_shrink(tmp_path / "a.png", 10**8) is None


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize(
    "options",
    [
        {"compression": "zstd"},
        {"compression": "lzma"},
        {"photometric": "ycbcr"},
        {"planarconfig": "separate"},
        {"photometric": "minisblack"},
    ],
)
def test_a_tiff_that_libvips_reads_otherwise_is_decoded_as_a_whole(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyvips")
    pytest.importorskip("imagecodecs")
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    colors = scene(1).transpose(2, 0, 1) if "planarconfig" in options else scene(1)
    tifffile.imwrite(tmp_path / "a.tif", colors, **{"photometric": "rgb", "metadata": None, **options})
    assert strips.open_to_shrink(tmp_path / "a.tif", 10**8) is None


@pytest.mark.usefixtures("small_strips")
@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_a_damaged_tiff_is_not_read_as_black(compression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    pytest.importorskip("imagecodecs")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, scene(1), photometric="rgb", compression=compression, rowsperstrip=16, metadata=None)
    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[0]
        start, length = page.dataoffsets[2], page.databytecounts[2]
    content = bytearray(path.read_bytes())
    content[start : start + length] = b"\xff" * length
    path.write_bytes(content)
    found = [Found(str(path), str(path), 0, 0, 0, 0, 0)]
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    (answer,) = Reader({"color": Classical("color")}, (), {})(found)
    assert "damaged" in (answer.failure or "")


@pytest.mark.usefixtures("small_strips")
def test_what_libvips_stumbles_over_is_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyvips")
    path = tmp_path / "a.png"
    Image.fromarray(scene(1)).save(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"IEND") - 5] ^= 1  # the check sum of the last pixels
    path.write_bytes(content)
    monkeypatch.setattr(strips, "_SMALL_FILE", 0)
    (answer,) = Reader({"color": Classical("color")}, (), {})([Found(str(path), str(path), 0, 0, 0, 0, 0)])
    assert answer.failure is None
    assert answer.width == scene(1).shape[1]
    assert visus("filter", "box", path, tmp_path / "b.png").returncode == 0
