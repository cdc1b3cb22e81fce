"""What is written of a mask: indexed colors, the borders of regions, colors over the picture; large ones by parts."""

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from visus._files import write_atomically
from visus.images import write
from visus.images.on_disk import is_on_disk, let_go
from visus.images.png import SIGNATURE, chunk

Bytes = NDArray[np.uint8]

_PART = 1 << 22  # positions
_QUALITY = 90
_INDEXED = 3  # color type of PNG


def parts(mask: Bytes) -> Iterator[slice]:
    """Rows of a mask ``(H, W)``, or slices of one ``(D, H, W)``, that are looked at together."""
    size = part_of(mask)
    return (slice(first, min(first + size, len(mask))) for first in range(0, len(mask), size))


def part_of(mask: Bytes) -> int:
    """How many rows or slices are looked at together."""
    return max(1, _PART // max(1, mask[0].size))


def write_indexed(place: Path, mask: Bytes, palette: Bytes) -> None:
    """Write a mask as a PNG file of 8 bits with a palette (PNG, third edition, section 11.2).

    Args:
        place: Where.
        mask: ``(H, W)`` uint8.
        palette: ``(classes, 3)`` uint8.

    Raises:
        OSError: It cannot be written.
    """

    def content(file: BinaryIO) -> None:
        height, width = mask.shape
        file.write(SIGNATURE)
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, _INDEXED, 0, 0, 0)))
        file.write(chunk(b"PLTE", palette.tobytes()))
        packed = zlib.compressobj()
        for part in parts(mask):
            rows = np.pad(mask[part], ((0, 0), (1, 0)))  # each row begins with its filter: none
            file.write(chunk(b"IDAT", packed.compress(rows.data)))
            let_go(mask)
        file.write(chunk(b"IDAT", packed.flush()))
        file.write(chunk(b"IEND", b""))

    write_atomically(place, content)


def write_overlay(place: Path, picture: Bytes, mask: Bytes, palette: Bytes, *, alpha: float) -> None:
    """Write the colors of the classes over the picture as a JPEG file.

    Args:
        place: Where.
        picture: ``(H, W, 3)`` uint8.
        mask: ``(H, W)`` uint8.
        palette: ``(classes, 3)`` uint8.
        alpha: Weight of the classes, from 0 to 1.

    Raises:
        InputError: It cannot be written, or is too large for JPEG.
    """

    def colored() -> Iterator[Bytes]:
        for part in parts(mask):
            yield over(picture[part], mask[part], palette, alpha)
            let_go(picture)
            let_go(mask)

    if is_on_disk(picture):  # read by libvips, which writes it too
        from visus.images.strips_written import write_jpeg

        write_jpeg(place, colored(), (*mask.shape, 3), rows=part_of(mask), quality=_QUALITY)
    else:
        write(place, over(picture, mask, palette, alpha), quality=_QUALITY)


def over(picture: Bytes, mask: Bytes, palette: Bytes, alpha: float) -> Bytes:
    """The colors of classes over a picture ``(H, W, 3)`` uint8, of the same shape."""
    return np.asarray(cv2.addWeighted(picture, 1 - alpha, palette[mask], alpha, 0), np.uint8)


def write_contours(place: Path, mask: Bytes, classes: Sequence[str]) -> None:
    """Write the borders of all regions as GeoJSON.

    Args:
        place: Where.
        mask: ``(H, W)`` uint8.
        classes: Their names.

    Raises:
        OSError: It cannot be written.
    """

    def content(file: BinaryIO) -> None:
        file.write(b'{"type": "FeatureCollection", "features": [')
        for number, feature in enumerate(features(mask, classes)):
            file.write(f"{', ' if number else ''}{json.dumps(feature, ensure_ascii=False)}".encode())
        file.write(b"]}")

    write_atomically(place, content)


def features(mask: Bytes, classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The region of each class as polygons of GeoJSON, in pixels (x, y), with holes.

    Args:
        mask: ``(H, W)`` uint8.
        classes: Their names.
    """
    for label in np.flatnonzero(counts(mask)).tolist():
        inside = np.empty(mask.shape, np.uint8)
        for part in parts(mask):
            np.equal(mask[part], label, out=inside[part], casting="unsafe")
            let_go(mask)
        for polygon in _polygons(inside):
            geometry = {"type": "Polygon", "coordinates": polygon}
            yield {"type": "Feature", "properties": {"class": classes[label]}, "geometry": geometry}


def counts(mask: Bytes) -> NDArray[np.int64]:
    """How many positions each number has, ``(256,)`` int64."""
    total = np.zeros(256, np.int64)
    for part in parts(mask):
        total += np.bincount(mask[part].ravel(), minlength=256)
        let_go(mask)
    return total


def _polygons(inside: Bytes) -> Iterator[list[list[list[int]]]]:
    """Each region of what is above 0 as its border and those of its holes; each is closed."""
    lines, tree = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if tree is None:
        return

    def ring(line: NDArray[Any]) -> list[list[int]]:
        points = line[:, 0].tolist()
        return [*points, points[0]]

    parents = np.asarray(tree)[0, :, 3]
    order = np.argsort(parents, kind="stable")
    outer = np.flatnonzero(parents < 0)
    first, last = (np.searchsorted(parents[order], outer, side) for side in ("left", "right"))
    for number, start, end in zip(outer.tolist(), first.tolist(), last.tolist(), strict=True):
        yield [ring(lines[k]) for k in (number, *order[start:end].tolist())]
