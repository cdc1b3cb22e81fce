"""Files that call themselves pictures and are not, of every kind that one meets."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.support.pictures import scene


def encoded(kind: str, **options: object) -> bytes:
    """A good picture in some format."""
    buffer = io.BytesIO()
    Image.fromarray(scene(1)).save(buffer, kind, **options)
    return buffer.getvalue()


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(
    width: int, height: int, pixels: bytes = b"", *, depth: int = 8, color: int = 2, clear: bytes = b""
) -> bytes:
    """A PNG file with a header that claims any size; one color may be clear."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = [_png_chunk(b"IHDR", header), *([_png_chunk(b"tRNS", clear)] if clear else [])]
    parts += [_png_chunk(b"IDAT", zlib.compress(pixels)), _png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _flip(data: bytes, start: int, count: int) -> bytes:
    changed = bytearray(data)
    for k in range(start, start + count):
        changed[k] ^= 0xFF
    return bytes(changed)


def _tiff(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "TIFF")
    return buffer.getvalue()


def bad_files() -> dict[str, bytes]:
    """Contents by file name; none of them can be read as a picture."""
    jpeg, png, webp, gif = encoded("JPEG"), encoded("PNG"), encoded("WEBP"), encoded("GIF")
    tiff, bmp = encoded("TIFF", compression="tiff_lzw"), encoded("BMP")
    return {
        "empty.jpg": b"",
        "empty.png": b"",
        "one-byte.jpg": b"\xff",
        "text.jpg": b"this is a letter, not a picture\n" * 20,
        "html.png": b"<!doctype html><title>404 not found</title>",
        "json.webp": b'{"error": "access denied"}',
        "zip.jpg": b"PK\x03\x04" + bytes(200),
        "pdf.png": b"%PDF-1.7\n" + bytes(200),
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "zeros.jpg": bytes(5000),
        "random.jpg": np.random.default_rng(0).bytes(5000),
        "pickle.jpg": b"\x80\x04cos\nsystem\n(S'echo'\ntR.",
        "only-signature.jpg": jpeg[:3],
        "only-header.jpg": jpeg[:200],
        "half.jpg": jpeg[: len(jpeg) // 2],
        "almost-whole.jpg": jpeg[: len(jpeg) - 400],
        "progressive-half.jpg": encoded("JPEG", progressive=True)[: len(jpeg) // 3],
        "no-tables.jpg": jpeg[:2] + jpeg[jpeg.index(b"\xff\xc0") :],
        "zero-size.jpg": jpeg.replace(struct.pack(">HH", 150, 200), struct.pack(">HH", 0, 0)),
        "only-signature.png": png[:8],
        "half.png": png[: len(png) // 2],
        "flipped-data.png": _flip(png, len(png) // 2, 40),
        "bad-header-crc.png": _flip(png, 29, 4),
        "zero-size.png": png_of(0, 0),
        "no-rows.png": png_of(64, 64, b""),
        "huge.png": png_of(200_000, 200_000),
        "huge-16-bit.png": png_of(100_000, 100_000, depth=16),
        "half.webp": webp[: len(webp) // 2],
        "riff-wave.webp": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(30),
        "only-signature.gif": gif[:6],
        "half.gif": gif[: len(gif) // 3],
        "no-frames.gif": gif[:13] + b"\x3b",
        "only-signature.tif": tiff[:4],
        "half.tif": tiff[: len(tiff) // 2],
        "loop.tif": b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 0) + struct.pack("<I", 8),
        "nan.tif": _tiff(np.full((8, 8), np.nan, np.float32)),
        "only-signature.bmp": bmp[:2],
        "half.bmp": bmp[: len(bmp) // 2],
        "huge.bmp": bmp[:18] + struct.pack("<ii", 100_000, 100_000) + bmp[26:],
    }


def write_bad_files(folder: Path) -> list[Path]:
    """Write all of them into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in bad_files().items():
        (folder / name).write_bytes(content)
    return sorted(folder.iterdir())
