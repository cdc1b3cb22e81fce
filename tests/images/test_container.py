"""What a file holds: the content decides; what it says of itself; kinds that further packages read."""

import importlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from tifffile import TiffWriter

from tests.support.pictures import scene
from visus import DependencyError, FormatError, InputError
from visus.images import container, decode
from visus.images.container import kind_of
from visus.images.decode import size_of
from visus.images.documents import look
from visus.images.facts import Facts, facts_of, gray_hash, sharpness
from visus.images.lossless import keeps_numbers


def encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(scene(1)).save(buffer, kind, **options)
    return buffer.getvalue()


def raw_of_a_camera(preview: np.ndarray, orientation: int = 1) -> bytes:
    """A DNG (Adobe, version 1.4) with a preview before a mosaic of sensor values."""
    out = io.BytesIO()
    mosaic = np.random.default_rng(0).integers(0, 4000, (96, 128)).astype(np.uint16)
    about = [(50706, 1, 4, (1, 4, 0, 0), False), (50708, 2, 0, "Some Camera", False), (274, 3, 1, orientation, False)]
    colors = [(33421, 3, 2, (2, 2), False), (33422, 1, 4, (0, 1, 1, 2), False), (50717, 3, 1, 4095, False)]
    with TiffWriter(out) as file:
        file.write(preview, photometric="rgb", subfiletype=1, subifds=1, metadata=None, extratags=about)
        file.write(mosaic, photometric=32803, subfiletype=0, metadata=None, extratags=colors)
    return out.getvalue()


@pytest.mark.parametrize(("kind", "options"), [("AVIF", {"quality": 90}), ("JPEG2000", {})])
def test_further_kinds_are_read(kind: str, options: dict[str, Any]) -> None:
    data = encoded(kind, **options)
    assert kind_of(data[:64]) == kind
    found = decode(data, name="a.png")
    assert np.abs(found.pixels.astype(int) - scene(1)).mean() < 4
    assert facts_of(data).container == kind


def test_pictures_of_phones_are_read() -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    data = encoded("HEIF", quality=90)
    assert kind_of(data[:64]) == "HEIC"
    assert np.abs(decode(data, name="a.jpg").pixels.astype(int) - scene(1)).mean() < 4
    with pytest.raises(InputError, match="more than the limit"):
        decode(data, max_pixels=100)


def test_jpeg_xl_is_read() -> None:
    pytest.importorskip("pillow_jxl")
    data = encoded("JXL", quality=90)
    assert kind_of(data[:64]) == "JXL"
    assert np.abs(decode(data).pixels.astype(int) - scene(1)).mean() < 4


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_preview_of_a_raw_file_is_read_upright(orientation: int) -> None:
    pytest.importorskip("rawpy")
    preview = scene(2, 64, 48)
    data = raw_of_a_camera(preview, orientation)
    assert kind_of(data[:64], "a.tif") == "TIFF"
    assert kind_of(data[:64], "a.dng") == "RAW"
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    found = decode(data, name="a.DNG")
    np.testing.assert_array_equal(found.pixels, np.rot90(preview, turns))
    assert (found.height, found.width) == found.pixels.shape[:2]


def test_a_raw_file_that_is_damaged_is_one_sentence() -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(InputError, match="damaged or truncated"):
        decode(b"FUJIFILMCCD-RAW" + bytes(200), name="a.raf")


@pytest.mark.parametrize("kind", ["HEIC", "JXL", "RAW"])
def test_a_kind_without_its_package_names_it(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("visus.images.decode")  # the name in the package is the function
    monkeypatch.setattr(module, "readable", lambda own: own != kind)
    first = {"HEIC": b"\0\0\0\x18ftypheic", "JXL": b"\xff\x0a", "RAW": b"IIRO"}[kind]
    with pytest.raises(InputError, match=rf"pip install 'visus\[{container.EXTRAS[kind][1]}\]'"):
        decode(first + bytes(100), name="a.jpg")


def test_a_package_that_another_one_lacks_is_not_told_as_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found, but its import ends in what it needs itself."""

    def lacking(*_: Any) -> None:
        raise DependencyError("This needs the package x, which is not installed; say: pip install x")

    for module in ("visus.images.decode", "visus.images.documents"):
        monkeypatch.setattr(importlib.import_module(module), "open_by", lacking)
        monkeypatch.setattr(importlib.import_module(module), "readable", lambda _kind: True)
    data = b"\0\0\0\x18ftypheic" + bytes(100)
    for use in (decode, size_of, lambda data: look(data, "the picture")):
        with pytest.raises(FormatError, match=r"the picture cannot be read here\. This needs the package x"):
            use(data)


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"avif", "AVIF"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"isom\0\0\0\0mp42", None),
    ],
)
def test_brands_tell_families_apart(brands: bytes, kind: str | None) -> None:
    assert kind_of((8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands) == kind


def test_facts_of_a_photograph() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:06:30 18:00:00"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = facts_of(encoded("JPEG", quality=90, exif=exif, icc_profile=profile))
    assert (found.container, found.depth, found.frames, found.profile) == ("JPEG", 8, 1, True)
    assert found.captured == 1_719_770_400_000
    finer, coarser = (facts_of(encoded("JPEG", quality=q)).compression for q in (95, 30))
    assert 1 <= finer < found.compression < coarser
    assert facts_of(encoded("PNG")).compression == 0
    assert facts_of(encoded("WEBP", exif=exif)).captured == found.captured


def test_facts_of_frames_and_depth() -> None:
    frames = [Image.fromarray(scene(k)) for k in range(3)]
    for kind in ("GIF", "WEBP", "TIFF", "PNG", "MPO"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
        found = facts_of(buffer.getvalue())
        assert found.frames == 3, kind
        assert found.container == kind
    sixteen = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), np.uint16)).save(sixteen, "TIFF")
    assert facts_of(sixteen.getvalue()).depth == 16


@pytest.mark.parametrize(
    ("kind", "options", "lossless"),
    [
        ("PNG", {}, True),
        ("TIFF", {}, True),
        ("BMP", {}, True),
        ("GIF", {}, True),
        ("JPEG", {}, False),
        ("AVIF", {}, False),
        ("WEBP", {}, False),
        ("WEBP", {"lossless": True}, True),
        ("PNG", {"exif": b"no EXIF"}, True),
        ("WEBP", {"lossless": True, "exif": b"no EXIF"}, True),
        ("WEBP", {"exif": b"no EXIF"}, False),
        ("WEBP", {"lossless": True, "save_all": True, "append_images": [Image.fromarray(scene(2))]}, True),
        ("WEBP", {"save_all": True, "append_images": [Image.fromarray(scene(2))]}, False),
        ("JPEG2000", {}, True),
        ("JPEG2000", {"no_jp2": True}, True),
        ("JPEG2000", {"irreversible": True}, False),
        ("JPEG2000", {"irreversible": True, "no_jp2": True, "comment": "of a scene"}, False),
    ],
)
def test_facts_tell_what_loses_nothing(kind: str, options: dict[str, Any], lossless: bool) -> None:
    data = encoded(kind, **options)
    assert facts_of(data).lossless == lossless
    for size in range(min(400, len(data))):  # never an error
        keeps_numbers(data[:size], kind)


def test_frames_within_frames_are_not_looked_into() -> None:
    nested = b""
    for _ in range(3000):
        nested = b"ANMF" + (16 + len(nested)).to_bytes(4, "little") + bytes(16) + nested
    data = b"RIFF" + (4 + len(nested)).to_bytes(4, "little") + b"WEBP" + nested
    assert facts_of(data) == Facts("WEBP")


def test_facts_of_jpeg_xl_tell_what_loses_nothing() -> None:
    pytest.importorskip("pillow_jxl")
    data = encoded("JXL", lossless=True)
    assert facts_of(data).lossless
    assert not any(keeps_numbers(data[:size], "JXL") for size in range(32))
    assert not facts_of(encoded("JXL", quality=90)).lossless
    clear = io.BytesIO()
    Image.fromarray(scene(1)).convert("RGBA").save(clear, "JXL", lossless=True)
    assert facts_of(clear.getvalue()).lossless


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_facts_of_a_damaged_file_are_what_can_be_told(kind: str) -> None:
    data = encoded(kind)
    for size in (0, 3, 20, 100, len(data) // 2):
        assert facts_of(data[:size]).container in (kind, "")


def test_a_header_that_claims_much_costs_no_memory() -> None:
    """Pillow's own getter of EXIF would decode the pixels of a PNG first."""
    from tests.support.bad_files import png_of

    assert facts_of(png_of(200_000, 200_000)).container == "PNG"


def test_measures_of_pixels() -> None:
    import cv2

    sharp = scene(1)
    assert sharpness(sharp) > 2 * sharpness(cv2.GaussianBlur(sharp, (0, 0), 2).astype(np.uint8))
    small = cv2.resize(sharp, (64, 48), interpolation=cv2.INTER_AREA).astype(np.uint8)
    apart = bin((gray_hash(sharp) ^ gray_hash(small)) % 2**64).count("1")
    other = bin((gray_hash(sharp) ^ gray_hash(scene(5))) % 2**64).count("1")
    assert apart <= 4
    assert other > 12


@pytest.mark.parametrize("orientation", [3, 6, 8])
@pytest.mark.parametrize("by_the_container", [True, False])
def test_heic_is_upright_whoever_says_how_it_lies(orientation: int, by_the_container: bool) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    back = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation if by_the_container else 1
    pillow_heif.from_pillow(Image.fromarray(scene(1)).transpose(back)).save(buffer, quality=95, exif=exif.tobytes())
    data = buffer.getvalue()
    assert (b"irot" in data) == by_the_container
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00"
    data = data.replace(entry + b"\x01", entry + bytes([orientation]))
    found = decode(data).pixels
    assert found.shape == scene(1).shape
    assert np.abs(found.astype(int) - scene(1)).mean() < 4
