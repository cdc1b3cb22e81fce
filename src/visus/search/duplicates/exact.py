"""Two files of one size, number by number: of lossless files, an edit changes some places and no others."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.images import read_bytes, tiff
from visus.images.container import FIRST, kind_of
from visus.images.decode import layers_in
from visus.images.facts import LOSSLESS
from visus.search.duplicates.looks import Floats
from visus.search.duplicates.opened import MOST_PAGES, Opened, pixels_of, whole_pages

_SIDE = 16  # of a block, pixels
_BAND = 1024  # rows that are compared at once, a multiple of that
_NEARLY = 0.5  # mean difference of the small gray pictures beyond which nothing is compared number by number
_TEXTURE = 8  # levels between the pixels of a block that an encoder would not keep as they are
_STILL = 1  # levels by which a pixel may differ that is the same
_VISIBLE = 16  # levels by which one differs that is another
_MOST = 0.5  # of the blocks with texture, that are the same around an edit
_PLAIN = ("u1", "u2")  # dtypes of pictures


def nearly(one: Opened, two: Opened) -> bool:
    """Whether two files have one size, and hardly differ or lost nothing: worth comparing number by number."""
    if (one.member.width, one.member.height) != (two.member.width, two.member.height):
        return False
    count = one.facts.frames
    if one.gray.shape != two.gray.shape or two.facts.frames != count:
        return False
    if _lossless(one, two):
        return count <= MOST_PAGES
    if count > 1:
        return False
    if one.has_more and one.facts.lossless != two.facts.lossless:
        return True  # of the one, the small picture is a JPEG's that was decoded at a smaller scale, perhaps
    return float(np.abs(one.gray.astype(np.int16) - two.gray).mean()) <= _NEARLY


def _lossless(one: Opened, two: Opened) -> bool:
    """Whether neither lost anything that the other has: the colors of GIF are few, and compared with those of GIF."""
    gifs = [own.facts.container == "GIF" for own in (one, two)]
    return one.facts.lossless and two.facts.lossless and gifs[0] == gifs[1]


def same_numbers(one: Opened, two: Opened) -> bool:
    """Whether two files hold the same numbers in all channels of all pages, whatever is shown of them."""
    try:
        both = zip(_numbers(one), _numbers(two), strict=True)
        return all(len(ours) == len(theirs) and all(map(_equal, ours, theirs)) for ours, theirs in both)
    except InputError:  # a further page cannot be read
        return False


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    floats = one.dtype.kind == other.dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=floats)  # what a map does not know is the same in both


def deep(one: Opened, two: Opened) -> bool:
    """Whether both lose nothing and hold more than can be shown: finer numbers, or further channels."""
    return one.facts.depth == two.facts.depth and all(
        own.facts.container in LOSSLESS and (own.facts.depth > 8 or own.facts.further) for own in (one, two)
    )


def _numbers(opened: Opened) -> Iterator[tuple[NDArray[Any], ...]]:
    """What each page of a file holds."""
    path = opened.member.path
    data = read_bytes(path)
    return (_numbers_of(data, path, page) for page in range(opened.facts.frames))


def _numbers_of(data: bytes, path: str, page: int) -> tuple[NDArray[Any], ...]:
    """What a page holds: colors, and alpha where there is any; of odd TIFF files what is stored."""
    if kind_of(data[:FIRST], path) == "TIFF" and (values := _odd(data, path, page)) is not None:
        return (values,)
    layers = layers_in(data, name=path, range="own", page=page)
    colors = layers.colors if layers.colors.ndim == 3 else np.repeat(layers.colors[:, :, None], 3, axis=2)
    alpha = layers.alpha
    return (colors,) if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max else (colors, alpha)


def _odd(data: bytes, name: str, number: int) -> NDArray[Any] | None:
    """The numbers of a page of TIFF that are no plain picture: of another type, or with further channels."""
    try:
        page = tiff.look(data, number, name)
        values = tiff.values_of(data, name, number)
    except Exception:  # tifffile raises almost anything; what shows the picture has read it, perhaps another reader
        return None
    plain = values.dtype.str[1:] in _PLAIN and page.depth in (1, 2, 4, 8, 16) and not page.further
    return None if plain else values


def difference(one: Opened, two: Opened) -> Literal["same"] | Floats | None:
    """How two files that are :func:`nearly` the same differ, pixel by pixel, page by page.

    Returns:
        ``"same"`` for equal pixels; what was edited on the first page that was, as :func:`edit_between` gives it, of
        files that lost nothing; None for what is neither, or cannot be read.
    """
    same, lossless = True, _lossless(one, two)
    try:
        for ours, theirs in zip(_pages(one), _pages(two), strict=True):
            if np.array_equal(ours, theirs):
                continue
            same = False
            if not lossless:  # JPEG saved again keeps many blocks
                return None
            if (edited := edit_between(ours, theirs)) is not None:
                return edited
    except (InputError, ValueError):  # one has fewer pages than it says, perhaps
        return None
    return "same" if same else None


def _pages(opened: Opened) -> Iterator[NDArray[np.uint8]]:
    """All pixels of each page, one at a time."""
    if opened.facts.frames == 1:
        yield pixels_of(opened.member)
    else:
        yield from (colors for colors, _ in whole_pages(opened.member, opened.facts.frames))


def edit_between(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Floats | None:
    """The blocks that were edited, where most others with texture are exactly the same; None where none was.

    Args:
        ours: All pixels of a file, ``(H, W, 3)``.
        theirs: Of one that is :func:`nearly` the same.

    Returns:
        How far the pixels of these blocks are apart, in the channel that tells most, ``(N, 16, 16)`` float32.
    """
    if ours.shape != theirs.shape:
        return None
    textured, still = 0, 0
    changed = [np.zeros((0, _SIDE, _SIDE), np.uint8)]
    for top in range(0, len(ours), _BAND):
        blocks = _blocks(ours[top : top + _BAND])
        apart = _apart(blocks, _blocks(theirs[top : top + _BAND]))
        most = apart.max(axis=(1, 2))
        busy = np.ptp(blocks.max(axis=3), axis=(1, 2)) >= _TEXTURE
        textured += np.count_nonzero(busy)
        still += np.count_nonzero(busy & (most <= _STILL))
        changed.append(apart[most >= _VISIBLE])
    found = np.concatenate(changed)
    return found.astype(np.float32) if len(found) and still >= _MOST * textured else None


def _apart(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """How far pixels are apart in the channel that tells most, ``(N, 16, 16)``."""
    return (np.maximum(ours, theirs) - np.minimum(ours, theirs)).max(axis=3)


def _blocks(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture ``(H, W, 3)`` in blocks ``(N, 16, 16, 3)``; the last pixels go on where a block is not full."""
    height, width = pixels.shape[:2]
    whole = np.pad(pixels, ((0, -height % _SIDE), (0, -width % _SIDE), (0, 0)), mode="edge")
    rows, columns = whole.shape[0] // _SIDE, whole.shape[1] // _SIDE
    return whole.reshape(rows, _SIDE, columns, _SIDE, 3).swapaxes(1, 2).reshape(-1, _SIDE, _SIDE, 3)
