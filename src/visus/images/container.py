"""What a file holds, by its first bytes: the content decides, not the ending of the name."""

import functools
import importlib.util
import os

FIRST = 64
"""So many bytes of a file tell its kind."""

# How a file of each format begins.
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JXL"),
    (b"\xff\x0a", "JXL"),
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"IIRO", "RAW"),
    (b"IIRS", "RAW"),
    (b"IIU\x00", "RAW"),
    (b"FOVb", "RAW"),
)

# Brands of ISO base media files (ISO/IEC 14496-12): the four letters after "ftyp".
_BRANDS = {
    b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"heis": "HEIC",
    b"hevc": "HEIC", b"hevx": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"crx ": "RAW",
}  # fmt: skip

_RAW_ENDINGS = (
    ".3fr", ".arw", ".cr2", ".cr3", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".nef", ".nrw", ".orf",
    ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip

EXTRAS = {"HEIC": ("pillow_heif", "heic"), "JXL": ("pillow_jxl", "jxl"), "RAW": ("rawpy", "raw")}
"""Kinds that need a package which visus does not bring by itself: its module, and the extra of visus that brings it."""


def kind_of(first: bytes, name: str = "") -> str | None:
    r"""The format of a picture file; None for what is none that visus knows.

    Args:
        first: The first :data:`FIRST` bytes.
        name: Of the file: raw files of cameras look like TIFF, and their ending tells.

    >>> kind_of(b"\xff\xd8\xff\xe0", "a.heic"), kind_of(b"II*\0", "a.tif"), kind_of(b"II*\0", "a.NEF")
    ('JPEG', 'TIFF', 'RAW')
    """
    kind = next((kind for signature, kind in _SIGNATURES if first.startswith(signature)), None)
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        kind = "WEBP"
    if first[4:8] == b"ftyp":
        brands = [first[8:12], *(first[k : k + 4] for k in range(16, min(len(first), _end(first)), 4))]
        kinds = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
        kind = "AVIF" if "AVIF" in kinds else next(iter(kinds), None)  # AVIF may call itself mif1 first
    if kind == "TIFF" and (first[8:10] == b"CR" or name.lower().endswith(_RAW_ENDINGS)):
        return "RAW"
    return kind


def _end(first: bytes) -> int:
    """Where the box of brands ends."""
    return int.from_bytes(first[:4], "big")


def kind_of_file(path: str | os.PathLike[str]) -> str | None:
    """The format of a picture file by its path; None for what is none, or cannot be read."""
    try:
        with open(path, "rb") as file:
            return kind_of(file.read(FIRST), os.fspath(path))
    except OSError:
        return None


def needs(kind: str, name: str) -> str:
    """What is said of a file of a kind that needs a package which is not installed."""
    return f"{name} is {kind}, which visus reads with: pip install 'visus[{EXTRAS[kind][1]}]'"


@functools.cache
def readable(kind: str) -> bool:
    """Whether the package that reads a kind is installed."""
    return kind not in EXTRAS or importlib.util.find_spec(EXTRAS[kind][0]) is not None
