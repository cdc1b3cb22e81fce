"""What a picture file says of itself beside its pixels, and two measures of these."""

import io
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visus.images import tiff
from visus.images.container import FIRST, kind_of, kind_of_file
from visus.images.jpeg import segments
from visus.images.opened import bits_of, open_by

_DATE, _DATE_TAKEN, _EXIF = 0x0132, 0x9003, 0x8769
_LOSSY = ("JPEG", "MPO")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself.

    Attributes:
        container: Format: JPEG, PNG ...; MPO for JPEG with further pictures behind the first.
        depth: Bits of a channel.
        frames: Frames or pages.
        captured: When the photograph was taken, ms since 1970 in the camera's local time; None where it does not say.
        profile: Whether there is a color profile.
        compression: Mean step of the luma quantization of JPEG (ITU-T T.81, annex A.3.4), from 1 for the finest; 0 for
            formats that lose nothing or do not say.
    """

    container: str
    depth: int = 8
    frames: int = 1
    captured: int | None = None
    profile: bool = False
    compression: float = 0.0


def facts_of(data: bytes, name: str = "") -> Facts:
    """What a file says of itself; of a damaged one, what can be told.

    Args:
        data: Its content.
        name: Of the file.
    """
    kind = kind_of(data[:FIRST], name)
    if kind == "JPEG":
        return _of_jpeg(data)
    if kind is None:
        return Facts("")
    try:
        if kind == "TIFF":
            return _of_tiff(data)
        with open_by(data, kind) as picture:
            return _of_other(picture, data, kind)
    except (
        Exception
    ):  # decoders of hostile files raise almost anything; what is not told is no reason to lose a picture
        return Facts(kind)


def facts_of_large(path: Path) -> Facts:
    """The same of a large PNG or TIFF file, most of which is not read."""
    from PIL import PngImagePlugin

    kind = kind_of_file(path) or ""
    try:
        if kind == "TIFF":
            return _of_tiff(path)
        with path.open("rb") as file, PngImagePlugin.PngImageFile(path) as picture:
            return _of_other(picture, file.read(FIRST), kind)
    except Exception:  # as above
        return Facts(kind)


def _of_tiff(data: bytes | Path) -> Facts:
    page = tiff.look(data)
    return Facts("TIFF", page.depth, page.pages, _moment(page.captured), bool(page.profile))


def _of_other(picture: Image.Image, data: bytes, kind: str) -> Facts:
    frames = int(getattr(picture, "n_frames", 1))
    profile = bool(picture.info.get("icc_profile"))
    exif = Image.Exif()
    exif.load(picture.info.get("exif") or b"")  # without decoding the pixels: Pillow's own getter would, for PNG
    return Facts(kind, bits_of(picture, data, kind), frames, _captured(exif), profile)


def _of_jpeg(data: bytes) -> Facts:
    """By the segments before the first scan (ITU-T T.81, annex B), without a decoder."""
    depth, profile, several, captured, steps = 8, False, False, None, 0.0
    for marker, segment in segments(data):
        if marker in (0xC0, 0xC1, 0xC2) and segment:
            depth = segment[0]
        elif marker == 0xDB and not steps:
            steps = _luma_steps(segment)
        elif marker == 0xE1 and segment.startswith(b"Exif\x00\x00"):
            captured = _captured_in(segment)
        elif marker == 0xE2:
            profile = profile or segment.startswith(b"ICC_PROFILE\x00")
            several = several or segment.startswith(b"MPF\x00")
    frames = _frames_of_mpo(data) if several else 1
    return Facts("MPO" if frames > 1 else "JPEG", depth, frames, captured, profile, steps)


def _luma_steps(segment: bytes) -> float:
    """The mean step of the first table in a segment of quantization tables."""
    if not segment:
        return 0.0
    wide = segment[0] >> 4
    table = np.frombuffer(segment[1 : 1 + 64 * (1 + bool(wide))], ">u2" if wide else "u1")
    return float(table.mean()) if len(table) == 64 else 0.0


def _captured_in(segment: bytes) -> int | None:
    try:
        exif = Image.Exif()
        exif.load(segment)
        return _captured(exif)
    except Exception:  # a damaged block raises almost anything
        return None


def _captured(exif: Image.Exif) -> int | None:
    return _moment(exif.get_ifd(_EXIF).get(_DATE_TAKEN) or exif.get(_DATE))


def _moment(text: Any) -> int | None:  # noqa: ANN401 - from a file
    try:
        moment = datetime.strptime(str(text).strip("\x00 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000)


def _frames_of_mpo(data: bytes) -> int:
    from PIL import MpoImagePlugin

    try:
        with MpoImagePlugin.MpoImageFile(io.BytesIO(data)) as picture:
            return picture.n_frames
    except Exception:  # not what it says it is
        return 1


def sharpness(picture: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of the gray picture, in gray levels squared: small for a blurred one.

    Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000 (section 2).

    Args:
        picture: ``(H, W, 3)`` uint8.
    """
    import cv2

    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(gray, cv2.CV_16S))
    return float(deviation[0, 0] ** 2)


def gray_hash(thumbnail: NDArray[np.uint8]) -> int:
    """64 bits of a gray thumbnail: the signs of its lowest frequencies against their median, without the mean.

    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010 (section 3.2.1).

    Args:
        thumbnail: ``(H, W, 3)`` uint8.

    Returns:
        From -2**63 to 2**63 - 1.
    """
    import cv2

    gray = cv2.resize(cv2.cvtColor(thumbnail, cv2.COLOR_RGB2GRAY), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(gray.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">i8")[0])
