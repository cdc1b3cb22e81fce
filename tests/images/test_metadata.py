"""What files say of themselves: when they were taken, and what nobody could tell from their pixels."""

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from visus.images.facts import facts_of

_XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description {}>{}</rdf:Description></rdf:RDF></x:xmpmeta>'
_LI = "<dc:{}><rdf:{}><rdf:li{}>{}</rdf:li></rdf:{}></dc:{}>"
_DATE = b"2019:07:14 10:11:12\0"
_MOMENT = 1563099072000


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Noise, in colors."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def exif(tags: Mapping[int, object], place: Mapping[int, object] | None = None) -> Image.Exif:
    found = Image.Exif()
    for tag, value in tags.items():
        found[tag] = value
    if place:
        found.get_ifd(0x8825).update(place)
    return found


def dated(order: str = "<", sign: bytes = b"II*\0") -> bytes:
    """A file of TIFF that says nothing but when it was taken, in the directory of EXIF."""
    first = struct.pack(order + "HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    more = struct.pack(order + "HHHII", 2, 0x9003, 2, 20, 56) + struct.pack(order + "HHI", 0x9291, 2, 3) + b"35\0\0"
    return sign + struct.pack(order + "I", 8) + first + more + bytes(4) + _DATE


def test_what_is_told_of_a_picture_is_known_by_its_kind(picture: Image.Image) -> None:
    for tags, place, holds in (
        ({0x010E: "Grandma Rosa, Lindau 1953"}, None, {"caption"}),
        ({0x9286: b"ASCII\0\0\0a cat, seed 4711"}, None, {"caption"}),
        ({0x9C9B: "祖母".encode("utf-16-le")}, None, {"caption"}),
        ({0x013B: "Karl Huber", 0x8298: "(c) Huber"}, None, {"author"}),
        ({0x010F: "Canon"}, {1: "N", 2: (48.0, 8.0, 30.0), 3: "E", 4: (11.0, 34.0, 30.0)}, {"place"}),
        ({0x010F: "Canon"}, {1: "N"}, set()),
    ):
        facts = facts_of(saved(picture, "JPEG", exif=exif(tags, place)))
        assert facts.holds == holds
        assert facts.camera == (0x010F in tags)


@pytest.mark.parametrize(
    "text",
    [
        *("OLYMPUS DIGITAL CAMERA         ", "Created with GIMP", "Screenshot", "   ", "\0\0", '{"shape": [4, 6]}'),
        *("IMG_2033", "DSC00042.JPG", "oplus_1048864", "hdr", "File written by Adobe Photoshop 4.0"),
    ],
)
def test_what_cameras_and_programs_say_of_each_picture_is_no_caption(text: str, picture: Image.Image) -> None:
    comment = b"ASCII\0\0\0" + text.encode()
    data = saved(picture, "JPEG", exif=exif({0x010E: text, 0x9286: comment, 0x0131: "Ver. 1.0"}), comment=text.encode())
    assert not facts_of(data).holds
    assert not facts_of(data).edited


def test_xmp_and_iptc_hold_persons_and_words(picture: Image.Image) -> None:
    for inside, attributes, holds in (
        (
            _LI.format("description", "Alt", ' xml:lang="x-default"', "Rosa and Emil", "Alt", "description"),
            "",
            {"caption"},
        ),
        (_LI.format("description", "Alt", ' xml:lang="x-default"', "", "Alt", "description"), "", set()),
        (_LI.format("subject", "Bag", "", "wedding", "Bag", "subject"), "", {"keywords"}),
        ('<rdf:li mwg-rs:Name="Grete" mwg-rs:Type="Face"/>', "", {"persons"}),
        ("", 'exif:GPSLatitude="48,8.5N" exif:GPSLongitude="11,34.5E" xmp:Rating="5"', {"place", "rating"}),
        ("", 'xmp:Rating="0" xmp:CreatorTool="Adobe Photoshop Lightroom 6.0"', set()),
    ):
        facts = facts_of(saved(picture, "JPEG", xmp=_XMP.format(attributes, inside).encode()))
        assert facts.holds == holds
        assert facts.edited == ("CreatorTool" in attributes)
    record = b"\x1c\x02\x19\x00\x03cat\x1c\x02\x78\x00\x00"
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record
    data = saved(picture, "JPEG")
    data = data[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + data[2:]
    assert facts_of(data).holds == {"keywords"}


def test_the_same_words_are_the_same_wherever_they_stand(picture: Image.Image) -> None:
    description = _LI.format("description", "Alt", "", "Großmutter Rosa &amp; Emil", "Alt", "description")
    for options in (
        {"exif": exif({0x010E: "Großmutter Rosa & Emil".encode()})},
        {"exif": exif({0x010E: "Großmutter  Rosa & Emil ".encode("cp1252")})},
        {"exif": exif({0x9C9B: "Großmutter Rosa & Emil\0".encode("utf-16-le")})},
        {"exif": exif({0x9286: b"UNICODE\0" + "Großmutter Rosa & Emil".encode("utf-16-be")})},
        {"exif": exif({0x9286: b"UNICODE\0" + "Großmutter Rosa & Emil".encode("utf-16-le")})},
        {"comment": "Großmutter Rosa & Emil".encode()},
        {"xmp": _XMP.format("", description).encode()},
    ):
        assert facts_of(saved(picture, "JPEG", **options)).words == {("caption", "grossmutter rosa emil")}
    items = "<dc:subject><rdf:Bag><rdf:li>Rosa</rdf:li><rdf:li>places|Lake</rdf:li></rdf:Bag></dc:subject>"
    of_xmp = facts_of(saved(picture, "JPEG", xmp=_XMP.format("", items).encode())).words
    windows = exif({0x9C9E: "Lake;places;Rosa\0".encode("utf-16-le")})
    assert of_xmp == facts_of(saved(picture, "JPEG", exif=windows)).words
    assert len(of_xmp) == 3


def test_a_position_is_the_same_in_exif_and_xmp_and_zero_is_none(picture: Image.Image) -> None:
    south = exif({}, {1: "S", 2: (48.0, 8.0, 30.0), 3: "W", 4: (11.0, 34.0, 30.0)})
    (of_exif,) = facts_of(saved(picture, "JPEG", exif=south)).places
    attributes = 'exif:GPSLatitude="48,8.5S" exif:GPSLongitude="11,34,30W"'
    (of_xmp,) = facts_of(saved(picture, "JPEG", xmp=_XMP.format(attributes, "").encode())).places
    assert of_exif == pytest.approx((-48.141667, -11.575))
    assert of_xmp == pytest.approx(of_exif)
    nowhere = exif({}, {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)})
    assert not facts_of(saved(picture, "JPEG", exif=nowhere)).holds


def test_tiff_tells_as_much_as_jpeg(picture: Image.Image, tmp_path: Path) -> None:
    words = {270: "Rosa, Emil and Tante Grete", 315: "Karl Huber", 33432: "(c) Stadtarchiv"}
    told = facts_of(saved(picture, "TIFF", tiffinfo=words))
    assert told.holds == {"caption", "author"}
    assert told.said == 3
    xmp = _XMP.format('xmp:Rating="4"', "").encode()
    on_a_map = [(33550, "d", 3, (1.0, 1.0, 0.0), True), (37724, "B", 4, b"8BIM", True), (700, "B", len(xmp), xmp, True)]
    tifffile.imwrite(tmp_path / "a.tif", np.asarray(picture), photometric="rgb", extratags=on_a_map)
    assert facts_of((tmp_path / "a.tif").read_bytes()).holds == {"map", "layers", "rating"}
    tifffile.imwrite(tmp_path / "b.tif", np.asarray(picture), photometric="rgb")
    assert not facts_of((tmp_path / "b.tif").read_bytes()).holds
    assert facts_of(saved(picture, "TIFF", exif=exif({306: "2019:07:14 10:11:12"}))).captured == _MOMENT


@pytest.mark.parametrize("way", ["before", "behind"])
def test_texts_of_png_may_hold_the_source(way: str, picture: Image.Image) -> None:
    for keyword, packed, holds in (
        ("mxfile", True, {"text"}),
        ("parameters", False, {"text"}),
        ("Description", False, {"caption"}),
        ("Author", True, {"author"}),
        ("Software", False, set()),
        ("date:create", False, set()),
    ):
        about = PngImagePlugin.PngInfo()
        about.add_text(keyword, "<diagram>a cat, steps: 20</diagram>", zip=packed)
        data = saved(picture, "PNG", pnginfo=about)
        if way == "behind":  # the pixels
            place = data.index(b"zTXt" if packed else b"tEXt") - 4
            length = 12 + int.from_bytes(data[place : place + 4], "big")
            data = data[:place] + data[place + length : -12] + data[place : place + length] + data[-12:]
        assert facts_of(data).holds == holds


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_stands_behind_the_end_is_seen(kind: str, picture: Image.Image) -> None:
    data = saved(picture, kind, exif=exif({0x010F: "Canon"}))
    assert not facts_of(data).behind
    assert not facts_of(data + bytes(5000)).behind
    assert not facts_of(data + b"some words").behind
    assert facts_of(data + b"PK\3\4" + bytes(range(1, 256)) * 8).behind
    assert facts_of(data + bytes(range(1, 256)) * 8 + b"\xff\xd9").behind


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (dated(), "a.dng"),
        (dated(">", b"MM\0*"), "a.nef"),
        (dated(sign=b"IIRO"), "a.orf"),
        (dated(sign=b"IIU\0"), "a.rw2"),
        (b"\0\0\0\x18ftypcrx " + bytes(12) + b"CMT2" + dated(), "a.cr3"),
    ],
)
def test_a_raw_file_says_when_it_was_taken(data: bytes, name: str) -> None:
    assert facts_of(data, name).captured == _MOMENT + 350
    assert facts_of(data[:30], name).captured is None


def test_a_raw_file_of_fuji_says_it_in_its_preview(picture: Image.Image) -> None:
    preview = saved(picture, "JPEG", exif=b"Exif\0\0" + dated())
    head = b"FUJIFILMCCD-RAW".ljust(84, b"\0") + struct.pack(">II", 92, len(preview))
    assert facts_of(head + preview, "a.raf").captured == _MOMENT + 350
