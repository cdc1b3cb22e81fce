"""What a file says in EXIF, IPTC, XMP and in texts: when it was taken, and what nothing but this file may hold."""

import math
import re
from collections import ChainMap
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from visus.images import quiet
from visus.images.metadata_words import Word, letters, word

_DATE, _DATE_TAKEN, _EXIF, _GPS = 0x0132, 0x9003, 0x8769, 0x8825
_PART, _PART_TAKEN = 0x9290, 0x9291  # of the second, of these dates
_MAKER, _MODEL, _SOFTWARE, _COMMENT, _RATING = 0x010F, 0x0110, 0x0131, 0x9286, 0x4746
_PLACE = ((1, 2, b"S"), (3, 4, b"W"))  # of latitude and longitude: which half, degrees, and the half below 0
_IN_TIFF = {"XMP": 700, "IPTC": 33723, "Photoshop": 34377, "layers": 37724}
_ON_A_MAP = (33550, 33922, 34264, 34735, 42112)  # GeoTIFF 1.1, section 7; the last by GDAL
# Tags of TIFF that say nothing of pixels.
_OF_TIFF = (269, 270, _MAKER, _MODEL, 285, _SOFTWARE, _DATE, 315, 316, _RATING, 33432, *_ON_A_MAP)
_IPTC = b"\x1c\x02"  # begins a record that is said of the picture (IPTC-NAA IIM 4.2)
_RECORD = re.compile(rb"\x1c\x02(.)([\x00-\x7f].)", re.DOTALL)
_COMMENT_CODE = 8  # bytes that name the letters of a comment of EXIF
_WINDOWS = range(0x9C9B, 0x9CA0)  # tags in UTF-16
_DIGITS = re.compile(r"[0-9]+")

# Which tags of EXIF, records of IPTC, properties of XMP and texts of PNG hold what.
_TAGS = {
    "caption": (0x010E, _COMMENT, 0x9C9B, 0x9C9C, 0x9C9F),
    "author": (0x013B, 0x8298, 0x9C9D),
    "keywords": (0x9C9E,),
}
_RECORDS = {
    5: "caption",
    25: "keywords",
    80: "author",
    90: "place",
    101: "place",
    105: "caption",
    116: "author",
    120: "caption",
}
_LISTS = {
    "caption": rb"dc:description|dc:title",
    "keywords": rb"dc:subject|lr:hierarchicalSubject",
    "author": rb"dc:creator|dc:rights",
    "persons": rb"Iptc4xmpExt:PersonInImage",
}
_PROPERTIES = {
    "persons": rb"(?:mwg-rs:Name|MPReg:PersonDisplayName)(?:=\"|>)([^<\"]*)",
    "rating": rb"xmp:Rating(?:=\"|>)\s*([1-5])",
}
_ITEM = re.compile(rb"<rdf:li[^>/]*>([^<]*)")
_POSITION = rb"exif:GPS%s(?:=\"|>)\s*(\d+),([\d.]+)(?:,([\d.]+))?([NSEW])"
_TEXTS = {"title": "caption", "description": "caption", "comment": "caption", "author": "author", "copyright": "author"}

_TRIVIAL_TEXT = re.compile(
    r"(?:software|source|warning|creation time|dpi|gamma|label|raw profile type .*|xml:com\.adobe\.xmp"
    r"|(?:date|thumb|exif|png|tiff|jpeg|icc|pdf|svg|xmp|plt):.*)",
    re.IGNORECASE,
)
"""Keywords of texts of PNG that programs write by themselves."""

_EDITORS = re.compile(
    r"lightroom|photoshop|adobe|gimp|darktable|rawtherapee|capture one|affinity|snapseed|picasa|topaz|dxo|luminar"
    r"|skylum|paint|acdsee|digikam|krita|photos \d|iphoto|aperture|pixelmator|vsco|picsart|polarr|on1|corel|zoner"
    r"|xnview|irfanview|imagemagick|faststone|photoscape|photo ?editor|instagram|canva|silkypix|nik ",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of itself beside its pixels.

    Attributes:
        captured: When the photograph was taken, ms since 1970 in the camera's local time; None where it does not say.
        said: How many things are said: tags, records, properties and texts.
        words: What is told there that pixels do not tell, and that no program has written by itself: author, caption,
            keywords, layers, map, persons, place, rating, text.
        places: Latitude and longitude, in degrees.
        camera: Whether the camera is named.
        edited: Whether a program is named by which pictures are edited.
    """

    captured: int | None = None
    said: int = 0
    words: frozenset[Word] = frozenset()
    places: frozenset[tuple[float, float]] = frozenset()
    camera: bool = False
    edited: bool = False

    @property
    def holds(self) -> frozenset[str]:
        """The kinds of what is told there."""
        return frozenset(kind for kind, _ in self.words) | ({"place"} if self.places else set())

    def __or__(self, other: "Metadata") -> "Metadata":
        """What two blocks of one file say; the first date counts."""
        return Metadata(
            other.captured if self.captured is None else self.captured,
            self.said + other.said,
            self.words | other.words,
            self.places | other.places,
            self.camera or other.camera,
            self.edited or other.edited,
        )


def of_exif(exif: Image.Exif) -> Metadata:
    """What EXIF says (Exif 2.3, section 4.6)."""
    more, place = _directory(exif, _EXIF), _directory(exif, _GPS)
    return _of_tags(exif, more, place, said=len(exif) + len(more) + len(place))


def of_exif_block(block: bytes) -> Metadata:
    """What a block of EXIF says; nothing for a damaged one."""
    quiet.without_warnings()
    try:
        return of_exif(_loaded(block))
    except Exception:  # a damaged block raises almost anything
        return Metadata()


def of_tiff(data: bytes) -> Metadata:
    """What the tags of a TIFF file's first page say; nothing for a damaged one."""
    quiet.without_warnings()
    try:
        exif = _loaded(data)
        more, place = _directory(exif, _EXIF), _directory(exif, _GPS)
        found = _of_tags(exif, more, place, said=sum(tag in exif for tag in _OF_TIFF) + len(more) + len(place))
        found |= of_xmp(_bytes(exif, "XMP")) | of_iptc(_bytes(exif, "IPTC")) | of_iptc(_bytes(exif, "Photoshop"))
        further = {"layers": _IN_TIFF["layers"] in exif, "map": any(tag in exif for tag in _ON_A_MAP)}
        return found | Metadata(words=frozenset((kind, "") for kind, there in further.items() if there))
    except Exception:  # a damaged file raises almost anything
        return Metadata()


def of_iptc(block: bytes) -> Metadata:
    """What records of IPTC say."""
    found = set[Word]()
    for record in _RECORD.finditer(block):
        if kind := _RECORDS.get(record[1][0]):
            found |= word(kind, block[record.end() : record.end() + int.from_bytes(record[2], "big")])
    return Metadata(said=block.count(_IPTC), words=frozenset(found))


def of_xmp(block: bytes | str) -> Metadata:
    """What XMP says; about so many properties as there are attributes, and items of lists."""
    text = block.encode("utf-8", "replace") if isinstance(block, str) else block
    told = [(kind, value) for kind, pattern in _PROPERTIES.items() for value in re.findall(pattern, text)]
    for kind, names in _LISTS.items():
        inside = (found[2] for found in re.finditer(rb"<(%s)>(.*?)</\1>" % names, text, re.DOTALL))
        told += [(kind, value) for items in inside for value in _ITEM.findall(items)]
    words = {own for kind, value in told for part in _parts(kind, value) for own in word(kind, part)}
    creator = re.search(rb"xmp:CreatorTool(?:=\"|>)([^<\"]*)", text)
    edited = creator is not None and _is_editor(creator[1])
    said = text.count(b'="') + text.count(b"<rdf:li")
    return Metadata(said=said, words=frozenset(words), places=_places(*_position_of_xmp(text)), edited=edited)


def _position_of_xmp(text: bytes) -> list[float | None]:
    """Latitude and longitude in degrees (XMP specification, part 2, section 1.2.7.4: ``48,8.5N``)."""
    found = (re.search(_POSITION % name, text) for name in (b"Latitude", b"Longitude"))
    return [None if one is None else _degrees(one.groups(b"0")[:3], one[4] in b"SW") for one in found]


def of_texts(texts: Iterable[tuple[str, str]]) -> Metadata:
    """What texts of PNG and comments say.

    Args:
        texts: Keywords, and what they say.
    """
    said, words = 0, set[Word]()
    for keyword, text in texts:
        said += 1
        kind = _TEXTS.get(keyword.lower(), "text")
        if not _TRIVIAL_TEXT.fullmatch(keyword):
            words |= word(kind, text)
    return Metadata(said=said, words=frozenset(words))


def _loaded(block: bytes) -> Image.Exif:
    exif = Image.Exif()
    exif.load(block)
    return exif


def _directory(exif: Image.Exif, place: int) -> dict[int, Any]:
    with suppress(Exception):  # a damaged block raises almost anything
        return dict(exif.get_ifd(place))
    return {}


def _of_tags(exif: Image.Exif, more: dict[int, Any], place: dict[int, Any], *, said: int) -> Metadata:
    tags = ChainMap(more, exif)  # pyright: ignore[reportArgumentType] - a mapping, too
    told = [(kind, part) for kind, own in _TAGS.items() for tag in own for part in _parts(kind, _text(tags, tag))]
    if rating := exif.get(_RATING):
        told.append(("rating", rating))
    words = frozenset(own for kind, value in told for own in word(kind, value))
    places = _places(*(_degrees(place.get(tag), below in _encoded(place.get(half))) for half, tag, below in _PLACE))
    if taken := tags.get(_DATE_TAKEN):
        captured = moment(taken, tags.get(_PART_TAKEN))
    else:
        captured = moment(exif.get(_DATE), tags.get(_PART))
    camera = any(str(exif.get(tag) or "").strip("\0 ") for tag in (_MAKER, _MODEL))
    return Metadata(captured, said, words, places, camera, _is_editor(exif.get(_SOFTWARE) or ""))


def _places(latitude: float | None, longitude: float | None) -> frozenset[tuple[float, float]]:
    """A position; 0, 0 is what is written where none is known."""
    if latitude is None or longitude is None or latitude == longitude == 0:
        return frozenset()
    return frozenset({(latitude, longitude)})


def _degrees(parts: Any, below: bool) -> float | None:  # noqa: ANN401 - from a file
    """Degrees, minutes and seconds as one number; None for what is none."""
    try:
        found = sum(float(part) / 60**k for k, part in enumerate(parts))
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (-found if below else found) if math.isfinite(found) else None


def _encoded(value: Any) -> bytes:  # noqa: ANN401 - from a file
    return value if isinstance(value, bytes) else str(value).encode()


def _parts(kind: str, value: Any) -> list[Any]:  # noqa: ANN401 - from a file
    """Keywords one by one, as Windows writes them, and those of a tree."""
    return re.split(r"[;|]", letters(value)) if kind == "keywords" else [value]


def _text(tags: ChainMap[int, Any], tag: int) -> Any:  # noqa: ANN401 - from a file
    value = tags.get(tag) or b""
    value = bytes(value) if isinstance(value, tuple) and all(isinstance(own, int) for own in value) else value
    if not isinstance(value, bytes):
        return value
    if tag in _WINDOWS:
        return value.decode("utf-16-le", "replace")
    if tag != _COMMENT:
        return value
    code, value = value[:_COMMENT_CODE], value[_COMMENT_CODE:]
    return _of_two_bytes(value) if code.startswith(b"UNICODE") else value


def _of_two_bytes(value: bytes) -> str:
    """UTF-16 of an unknown order: most letters of words have one of the two bytes in common."""
    order = "le" if len(set(value[1::2])) <= len(set(value[::2])) else "be"
    return value.decode(f"utf-16-{order}", "replace").lstrip("\ufeff")


def _bytes(exif: Image.Exif, block: str) -> bytes:
    """A block in a TIFF file; old programs wrote IPTC as numbers of 32 bits."""
    value = exif.get(_IN_TIFF[block]) or b""
    if isinstance(value, tuple):
        return b"".join(int(own).to_bytes(4, "little" if exif.endian == "<" else "big") for own in value)
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def _is_editor(value: Any) -> bool:  # noqa: ANN401 - from a file
    return _EDITORS.search(letters(value)) is not None


def moment(text: Any, part: Any = None) -> int | None:  # noqa: ANN401 - from a file
    """A time, ms since 1970.

    Args:
        text: As EXIF writes it.
        part: The digits of the second's fraction, if there are any.
    """
    try:
        taken = datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    digits = str(part).strip("\x00 ")
    return int(taken.timestamp() * 1000) + (int(digits[:3].ljust(3, "0")) if _DIGITS.fullmatch(digits) else 0)
