"""Which files earlier versions of the decoding read otherwise than this one; most are told by their header."""

from PIL import Image

from visus._errors import InputError
from visus.images import tiff
from visus.images.container import FIRST, kind_of
from visus.images.decode import decode
from visus.images.jpeg import profile_in
from visus.images.opened import bits_of, is_turned_by_exif, open_by
from visus.images.profiles import is_foreign

CANDIDATES = (
    "profile OR profile IS NULL OR container IS NULL OR container IN ('TIFF', 'HEIC') "
    "OR (container = 'PNG' AND depth = 16)"
)
"""Rows of an index among which are all whose pictures decoder 1 read otherwise, as a condition."""


def reads_otherwise(data: bytes, name: str = "") -> bool:
    """Whether a file's picture, as an index shows it, comes out otherwise than by decoder 1.

    Args:
        data: The content of the file.
        name: Of the file.
    """
    kind = kind_of(data[:FIRST], name)
    if kind is None or kind == "RAW":
        return False
    if kind == "JPEG":
        return is_foreign(profile_in(data))
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
    if is_foreign(opened.info.get("icc_profile")):
        return True
    if kind == "HEIC":
        return is_turned_by_exif(opened, data)
    return bits_of(opened, data, kind) == 16 and ("transparency" in opened.info or _is_stretched(data))


def _is_stretched(data: bytes) -> bool:
    try:
        return bool(decode(data, range="own").notes)
    except InputError:
        return True
