"""Which files earlier versions of the decoding read otherwise than this one; most are told by their header."""

from PIL import Image

from visus._errors import InputError
from visus.images import tiff
from visus.images.color_spaces import meaning_in
from visus.images.container import FIRST, kind_of
from visus.images.decode import decode
from visus.images.jpeg import orientation_in, profile_in, segments
from visus.images.jxl import is_animated
from visus.images.opened import bits_of, is_turned_by_exif, is_upright, open_by, painted
from visus.images.profiles import is_foreign

_EXIF, _ORIENTATION = b"Exif\x00\x00", 0x0112
_FIRST_PART = 65_536  # bytes in which decoder 2 looked for EXIF

CANDIDATES = (
    "profile OR profile IS NULL OR container IS NULL "
    "OR container IN ('TIFF', 'HEIC', 'AVIF', 'PNG', 'GIF', 'JPEG2000', 'JXL')"
)
"""Rows of an index among which are those whose pictures earlier decoders read otherwise, as a condition.

JPEG of cameras that name Adobe RGB by a word alone is not among them: all JPEG would have to be read.
"""


def reads_otherwise(data: bytes, name: str = "") -> bool:
    """Whether a file's picture, as an index shows it, comes out otherwise than by decoder 1 or 2.

    Args:
        data: The content of the file.
        name: Of the file.
    """
    kind = kind_of(data[:FIRST], name)
    if kind is None or kind == "RAW":
        return False
    if kind == "JPEG":
        found = segments(data)
        return is_foreign(profile_in(found)) or (_EXIF not in data[:_FIRST_PART] and orientation_in(found) != 1)
    try:
        if kind == "TIFF":
            return _of_tiff(data)
        with open_by(data, kind) as opened:
            return _of_other(opened, data, kind)
    except Exception:  # decoders of hostile files raise almost anything
        return True  # whoever reads it says why it cannot be used


def _of_tiff(data: bytes) -> bool:
    page = tiff.look(data)
    if is_foreign(page.profile):
        return True
    return not page.plain and (not page.was_read_right or _is_stretched(data))


def _of_other(opened: Image.Image, data: bytes, kind: str) -> bool:
    if is_foreign(meaning_in(opened, data, kind)[0]):
        return True
    bits = bits_of(opened, data, kind)
    own = {
        "HEIC": lambda: is_turned_by_exif(opened, data),
        "GIF": lambda: painted(opened) is not None,
        "JPEG2000": lambda: bits > 8,
        "JXL": lambda: is_animated(data) or (is_upright(opened, kind) and opened.getexif().get(_ORIENTATION, 1) != 1),
        "PNG": lambda: ("transparency" in opened.info and bits in (2, 4, 16)) or (bits == 16 and _is_stretched(data)),
    }
    return kind in own and own[kind]()


def _is_stretched(data: bytes) -> bool:
    try:
        return bool(decode(data, range="own").notes)
    except InputError:
        return True
