"""What ``visus filter`` keeps of a file beside its pixels, and what it says of the rest."""

import io
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin, TiffImagePlugin

from tests.support.command import visus
from tests.support.pictures import scene
from tests.support.profiles import ADOBE, rgb_profile
from visus import read
from visus.images import decode, directories
from visus.images.documents import look
from visus.images.facts import facts_of
from visus.images.webp import is_lossless

GRAY = scene(1, 40, 30)[:, :, 0]


def box(source: Path, target: Path, *words: object, code: int = 0) -> str:
    return visus("filter", "box", source, target, "--size", 1, *words, code=code).stderr


def tags_of(path: Path, page: int = 0) -> directories.Directory:
    with tifffile.TiffFile(path) as file:
        return directories.read(path.read_bytes(), file.pages[page].aspage().offset)


def exif_block(order: str) -> bytes:
    """Make in letters beyond ASCII, orientation, moment, a note, place, and a small picture behind all."""
    head = b"II*\0" if order == "<" else b"MM\0*"

    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack(f"{order}HHI", tag, kind, count) + value.ljust(4, b"\0")

    def number(value: int) -> bytes:
        return struct.pack(order + "I", value)

    make, note, small = "Zeiß\0".encode(), b"Maker\0\1\2", b"\xff\xd8small\xff\xd9"
    at = 8 + 2 + 4 * 12 + 4  # of the values behind the first directory
    camera = at + 6
    gps = camera + 2 + 12 + 4 + len(note)
    second = gps + 2 + 12 + 4
    first = struct.pack(order + "H", 4) + entry(0x010F, 2, len(make), number(at))
    first += entry(0x0112, 3, 1, struct.pack(order + "H", 6))
    first += entry(0x8769, 4, 1, number(camera)) + entry(0x8825, 4, 1, number(gps)) + number(second)
    of_camera = struct.pack(order + "H", 1) + entry(0x927C, 7, len(note), number(camera + 18)) + number(0) + note
    of_place = struct.pack(order + "H", 1) + entry(1, 2, 2, b"N\0") + number(0)
    of_small = struct.pack(order + "H", 2) + entry(0x0201, 4, 1, number(second + 30))
    of_small += entry(0x0202, 4, 1, number(len(small))) + number(0)
    return head + number(8) + first + make + of_camera + of_place + of_small + small


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_keeps_its_bytes_but_for_orientation_and_small_picture(order: str) -> None:
    block = exif_block(order)
    kept = directories.upright(b"Exif\0\0" + block)[6:]
    assert len(kept) == len(block)
    assert b"small" not in kept
    assert kept.index(b"Maker") == block.index(b"Maker")
    before, after = directories.read(block), directories.read(kept)
    assert before.pop(0x0112) == directories.Entry(3, b"\6\0")
    assert before == after
    assert directories.read(directories.block(after)) == after
    with pytest.raises(ValueError, match="begin"):
        directories.upright(b"Exif\0\0garbage")
    for length in range(8, 58):
        with pytest.raises(ValueError, match="early"):
            directories.upright(block[:length])


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif"])
def test_letters_and_place_stay(source: str, target: str, tmp_path: Path) -> None:
    picture = Image.fromarray(scene(1, 40, 30))
    if source == "a.tif":
        picture.save(tmp_path / source)
        with (tmp_path / source).open("r+b") as file:
            told = directories.read(exif_block(">"))
            del told[0x0112]
            directories.add(file, [told])
    else:
        picture.save(tmp_path / source, exif=b"Exif\0\0" + exif_block(">"))
    box(tmp_path / source, tmp_path / target)
    with Image.open(tmp_path / target) as found:
        if target == "b.tif":
            told = tags_of(tmp_path / target)
        else:
            told = directories.read(found.info["exif"].removeprefix(b"Exif\0\0"))
    assert told[0x010F] == directories.Entry(2, "Zeiß\0".encode())
    assert told[0x8769] == {0x927C: directories.Entry(7, b"Maker\0\1\2")}
    assert told[0x8825] == {1: directories.Entry(2, b"N\0")}


def test_damaged_exif_is_left_out_and_said(tmp_path: Path) -> None:
    Image.fromarray(scene(1, 40, 30)).save(tmp_path / "a.jpg", exif=b"Exif\0\0garbagegarbage")
    assert "damaged EXIF left out" in box(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert not look((tmp_path / "b.jpg").read_bytes(), "b").exif
    bad = exif_block("<")[:8] + struct.pack("<HHHII", 20, 0x10F, 2, 9, 0x41414141)
    Image.fromarray(scene(1, 40, 30)).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + bad)
    said = box(tmp_path / "a.jpg", tmp_path / "c.jpg")
    assert "damaged EXIF left out" in said
    assert "Warning" not in said


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_ome_keeps_its_letters(ending: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.ome.tif", GRAY, metadata={"PhysicalSizeX": 1, "PhysicalSizeXUnit": "µm"})
    box(tmp_path / "a.ome.tif", tmp_path / "b.tif")
    assert "µm".encode() in (tmp_path / "b.tif").read_bytes()
    box(tmp_path / "a.ome.tif", tmp_path / f"b{ending}")
    assert "µm".encode() in look((tmp_path / f"b{ending}").read_bytes(), "b").exif


def test_webp_and_jpeg_lose_no_more_than_they_did(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(k, 40, 30)) for k in range(3)]
    frames[0].save(tmp_path / "a.webp", lossless=True)
    frames[0].save(tmp_path / "lossy.webp")
    frames[0].save(tmp_path / "m.webp", lossless=True, save_all=True, append_images=frames[1:], duration=[50, 60, 70])
    for name in ("a", "m"):
        box(tmp_path / f"{name}.webp", tmp_path / f"{name}2.webp")
        assert is_lossless((tmp_path / f"{name}2.webp").read_bytes())
        for page in range(3 if name == "m" else 1):
            np.testing.assert_array_equal(read(tmp_path / f"{name}2.webp", page=page), scene(page, 40, 30))
    box(tmp_path / "lossy.webp", tmp_path / "lossy2.webp")
    assert not is_lossless((tmp_path / "lossy2.webp").read_bytes())
    for sampling in range(3):
        frames[0].save(tmp_path / "a.jpg", subsampling=sampling)
        box(tmp_path / "a.jpg", tmp_path / "b.jpg", "--force")
        assert look((tmp_path / "b.jpg").read_bytes(), "b").sampling == sampling


def test_durations_of_avif(tmp_path: Path) -> None:
    frames = [Image.fromarray(scene(k, 40, 30)) for k in range(3)]
    moving: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": [50, 60, 70]}
    frames[0].save(tmp_path / "a.avif", **moving)
    frames[0].save(tmp_path / "a.png", exif=b"Exif\0\0" + exif_block("<"), **moving)
    box(tmp_path / "a.avif", tmp_path / "b.png")
    box(tmp_path / "a.png", tmp_path / "c.webp")
    for name in ("b.png", "c.webp"):
        assert look((tmp_path / name).read_bytes(), name).durations == (50, 60, 70)
    assert "Zeiß".encode() in look((tmp_path / "c.webp").read_bytes(), "c").exif
    assert "how long frames are shown is left out" in box(tmp_path / "a.avif", tmp_path / "b.tif")


def test_the_resolution_of_each_page_stays_in_its_unit(tmp_path: Path) -> None:
    units = [("NONE", (3, 4)), ("CENTIMETER", (100, 90)), ("INCH", (300.5, 200))]
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        for unit, resolution in units:
            out.write(GRAY, resolution=resolution, resolutionunit=unit, metadata=None)
    box(tmp_path / "a.tif", tmp_path / "b.tif")
    for page in range(3):
        before, after = (tags_of(tmp_path / name, page) for name in ("a.tif", "b.tif"))
        assert [before[tag] for tag in (282, 283, 296)] == [after[tag] for tag in (282, 283, 296)]
    box(tmp_path / "a.tif", tmp_path / "b.png", "--page", 1)
    assert look((tmp_path / "b.png").read_bytes(), "b").dpi == pytest.approx((254, 228.6), abs=0.02)


GEO: list[Any] = [
    (33550, 12, 3, (10.0, 10.0, 0.0)), (33922, 12, 6, (0.0, 0, 0, 500_000, 4_000_000, 0)),
    (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1)), (34737, 2, None, b"WGS 84|\0"),
    (42112, 2, None, b"<GDALMetadata/>\0"), (42113, 2, None, b"0\0"),
]  # fmt: skip


@pytest.mark.parametrize("big", [False, True])
def test_place_on_earth_and_big_files(big: bool, tmp_path: Path) -> None:
    texts: list[Any] = [(270, 2, None, "Höhe\0".encode()), (315, 2, None, b"Ansel\0")]
    tifffile.imwrite(
        tmp_path / "a.tif", GRAY, bigtiff=big, byteorder=">", metadata=None, extratags=[*GEO, *texts], software=False
    )
    assert "left out" not in box(tmp_path / "a.tif", tmp_path / "b.tif")
    before, after = (tags_of(tmp_path / name) for name in ("a.tif", "b.tif"))
    for tag in (270, 315, *(tag for tag, *_ in GEO)):
        assert before[tag] == after[tag], tag
    said = visus("filter", "histogram", tmp_path / "a.tif", tmp_path / "c.tif").stderr
    assert "where it lies on Earth (GeoTIFF) is left out" in said
    tifffile.imwrite(tmp_path / "f.tif", GRAY.astype(np.float32), metadata=None, extratags=GEO)
    assert "what GDAL says of its numbers is left out" in box(tmp_path / "f.tif", tmp_path / "g.tif")
    assert 42113 not in tags_of(tmp_path / "g.tif")


def test_smaller_pages_are_left_out_and_said(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        out.write(GRAY, metadata=None)
        out.write(GRAY[::2, ::2], subfiletype=1, metadata=None)
        out.write(GRAY[::4, ::4], subfiletype=1, metadata=None)
    assert "2 smaller or masking pages left out" in box(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert len(file.pages) == 1
    assert "2 smaller" in box(tmp_path / "a.tif", tmp_path / "b.jpg")


@pytest.mark.parametrize("big", [False, True])
def test_one_page_does_not_say_the_shape_of_all(big: bool, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.stack([GRAY] * 3), bigtiff=big, photometric="minisblack")
    box(tmp_path / "a.tif", tmp_path / "b.tif", "--page", 0)
    assert 270 not in tags_of(tmp_path / "b.tif")
    box(tmp_path / "a.tif", tmp_path / "c.tif")
    assert tifffile.imread(tmp_path / "c.tif").shape == (3, 30, 40)
    tifffile.imwrite(tmp_path / "rgb.tif", scene(1), photometric="rgb")
    visus("filter", "canny", tmp_path / "rgb.tif", tmp_path / "d.tif")
    assert tifffile.imread(tmp_path / "d.tif").ndim == 2
    assert 270 not in tags_of(tmp_path / "d.tif")


@pytest.mark.parametrize("ending", [".png", ".gif", ".webp"])
def test_pages_are_no_animation(ending: str, tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as out:
        for _ in range(2):
            out.write(GRAY, metadata=None)
    said = box(tmp_path / "a.tif", tmp_path / f"b{ending}", code=2)
    assert "and there are 2 pages; write .tif, or choose one with --page" in said
    box(tmp_path / "a.tif", tmp_path / f"b{ending}", "--page", 1)


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    profile = rgb_profile(ADOBE)
    alpha = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))
    soft = Image.fromarray(np.dstack([scene(1, 40, 30), alpha]))
    soft.save(tmp_path / "a.png", icc_profile=profile, exif=b"Exif\0\0" + exif_block("<"))
    for ending, notes in {
        ".bmp": ("converted to sRGB", "laid over white", "EXIF left out"),
        ".gif": ("converted to sRGB", "all or nothing", "EXIF left out", "reduced to 256"),
        ".jpg": ("laid over white",),
        ".webp": (),
    }.items():
        said = box(tmp_path / "a.png", tmp_path / f"b{ending}")
        assert all(note in said for note in notes), said
        assert len(said.splitlines()) == len(notes) + 1
    apart = np.abs(read(tmp_path / "b.bmp").astype(int) - read(tmp_path / "a.png"))
    assert apart.max() <= 2


def test_lab_loses_its_profile_with_its_numbers(tmp_path: Path) -> None:
    lab = TiffImagePlugin.ImageFileDirectory_v2()
    lab[34675] = rgb_profile(ADOBE)
    lab.tagtype[34675] = 7
    Image.merge("LAB", [Image.fromarray(GRAY)] * 3).save(tmp_path / "a.tif", tiffinfo=lab)
    assert "Lab became RGB" in box(tmp_path / "a.tif", tmp_path / "b.tif")
    assert 34675 in tags_of(tmp_path / "a.tif")
    assert 34675 not in tags_of(tmp_path / "b.tif")


def test_another_type_of_numbers_is_said(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (GRAY / 255).astype(np.float32))
    assert "floats of 32 bits became 16 bits" in box(tmp_path / "a.tif", tmp_path / "b.tif")
    Image.fromarray(GRAY > 100).save(tmp_path / "one.tif")
    assert "integers of 1 bit became 8 bits" in box(tmp_path / "one.tif", tmp_path / "c.tif")
    Image.fromarray(GRAY > 100).save(tmp_path / "one.png")
    assert "integers of 1 bit became 8 bits" in box(tmp_path / "one.png", tmp_path / "d.png", "--page", 0)
    Image.fromarray(GRAY).save(tmp_path / "plain.tif")
    assert len(box(tmp_path / "plain.tif", tmp_path / "d.tif").splitlines()) == 1


def test_gray_of_sixteen_bits_with_alpha_stays_so_in_png(tmp_path: Path) -> None:
    deep = np.dstack([GRAY, 255 - GRAY]).astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="minisblack", extrasamples=["unassalpha"])
    assert len(box(tmp_path / "a.tif", tmp_path / "b.png").splitlines()) == 1
    content = (tmp_path / "b.png").read_bytes()
    assert (content[24], content[25]) == (16, 4)
    box(tmp_path / "b.png", tmp_path / "c.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "c.tif"), deep)


def test_pages_of_floats_have_one_range(tmp_path: Path) -> None:
    stack = np.stack([GRAY / 255, GRAY / 255 * 4]).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", stack, photometric="minisblack")
    said = box(tmp_path / "a.tif", tmp_path / "b.tif")
    assert "stretched to the common range of the pages" in said
    low, high = stack.min(), stack.max()
    np.testing.assert_allclose(tifffile.imread(tmp_path / "b.tif"), (stack - low) / (high - low) * 65535, atol=1)


def test_jpeg_of_twelve_bits_in_a_folder_becomes_png(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "in").mkdir()
    data = imagecodecs.jpeg8_encode(scene(1, 40, 30).astype(np.uint16) * 16, bitspersample=12)
    exif = b"Exif\0\0" + exif_block("<")
    data = data[:2] + struct.pack(">HH", 0xFFE1, len(exif) + 2) + exif + data[2:]
    (tmp_path / "in" / "a.jpg").write_bytes(data)
    said = visus("filter", "box", tmp_path / "in", tmp_path / "out").stderr
    assert "1 picture: written as PNG" in said
    assert "Zeiß".encode() in look((tmp_path / "out" / "a.jpg.png").read_bytes(), "a").exif
    alone = box(tmp_path / "in" / "a.jpg", tmp_path / "b.jpg", code=2)
    assert f"{tmp_path / 'b.jpg'} cannot hold 16 bits a channel; write .tif or .png" in alone


def test_odd_files_are_silent(tmp_path: Path) -> None:
    no_data = [(42113, 2, None, b"no number", True)]
    rgb = scene(1, 40, 30)
    tifffile.imwrite(tmp_path / "a.tif", rgb, metadata=None, extratags=no_data, compression="webp", photometric="rgb")
    said = box(tmp_path / "a.tif", tmp_path / "b.tif")
    assert len(said.splitlines()) == 1
    odd = exif_block("<").replace(struct.pack("<HHI", 0x0112, 3, 1), struct.pack("<HHI", 0x0112, 13, 9))
    Image.fromarray(scene(1, 40, 30)).save(tmp_path / "a.jpg", exif=b"Exif\0\0" + odd)
    assert len(box(tmp_path / "a.jpg", tmp_path / "b.jpg").splitlines()) == 1


def test_odd_exif_is_no_warning() -> None:
    buffer = io.BytesIO()
    cut = exif_block("<")[:30]
    Image.fromarray(scene(1, 40, 30)).save(buffer, "JPEG", exif=b"Exif\0\0" + cut)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        facts_of(buffer.getvalue())
        decode(buffer.getvalue())
    assert not said


def test_one_page_is_no_plural(tmp_path: Path) -> None:
    Image.fromarray(GRAY).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", GRAY)
    assert "has 1 frame," in box(tmp_path / "a.png", tmp_path / "b.png", "--page", 1, code=2)
    assert "has 1 page," in box(tmp_path / "a.tif", tmp_path / "b.png", "--page", 1, code=2)


def test_a_directory_that_leads_to_itself_ends() -> None:
    below = struct.pack("<HHII", directories.EXIF, 4, 1, 8) * 2000
    values = struct.pack("<HHII", 0x9286, 7, 40_000, 8) * 2000
    found = directories.read(b"II*\0\x08\0\0\0" + struct.pack("<H", 4000) + below + values + bytes(4))
    assert set(found) == {directories.EXIF, 0x9286}


@pytest.mark.parametrize("kind", ["XMP", "IPTC", "texts of PNG"])
def test_texts_that_are_not_written_again_are_named(kind: str, tmp_path: Path) -> None:
    picture, place = Image.new("RGB", (32, 32), (90, 120, 40)), tmp_path / ("a.png" if "PNG" in kind else "a.jpg")
    if kind == "IPTC":
        picture.save(place)
        data, record = place.read_bytes(), b"\x1c\x02\x78\x00\x03cat"
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
        place.write_bytes(data[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + data[2:])
    elif kind == "XMP":
        picture.save(place, xmp=b'<x:xmpmeta xmlns:x="adobe:ns:meta/"></x:xmpmeta>')
    else:
        told = PngImagePlugin.PngInfo()
        told.add_text("Title", "A field")
        picture.save(place, pnginfo=told)
    assert f"{kind} left out" in visus("filter", "median", place, tmp_path / f"b{place.suffix}").stderr
