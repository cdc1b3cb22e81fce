"""Draw what an answer looks like: contact sheets, heat map overlays, boxes.

All functions take and return RGB pictures ``(H, W, 3)`` uint8 and leave their arguments unchanged.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from visus._errors import InputError
from visus.images import fonts

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]

INK: Color = (33, 37, 41)
PAPER: Color = (255, 255, 255)
ACCENT: Color = (214, 40, 40)

# Ten points of the perceptually uniform map "inferno" (S. van der Walt, N. Smith, 2015), dark to light.
_INFERNO = np.array(
    [
        (0, 0, 4),
        (27, 12, 65),
        (74, 12, 107),
        (120, 28, 109),
        (165, 44, 96),
        (207, 68, 70),
        (237, 105, 37),
        (251, 155, 6),
        (247, 209, 61),
        (252, 255, 164),
    ],
    dtype=np.float64,
)


@functools.cache
def _loaded(path: Path | None, size: int) -> fonts.Font:
    return fonts.load(path, size)


def _font(text: str, size: int) -> tuple[fonts.Font, str]:
    """A font that has the letters of a text, and the text as it can be written."""
    path, shown = fonts.font_for(text)
    return _loaded(path, size), shown


def _write_text(canvas: ImageDraw.ImageDraw, at: tuple[float, float], text: str, *, width: float, size: int) -> None:
    """Write one line, shortened in the middle until it fits the width."""
    font, text = _font(text, size)
    shown, keep = text, len(text)
    while canvas.textlength(shown, font=font) > width and keep > 4:
        keep -= 1
        shown = f"{text[: keep // 2]}…{text[len(text) - (keep - keep // 2) :]}"
    canvas.text(at, shown, fill=INK, font=font)


def fit(picture: Picture, side: int) -> Picture:
    """Shrink or enlarge a picture so that its longer side has ``side`` pixels.

    Args:
        picture: ``(H, W, 3)`` uint8.
        side: Length of the longer side in pixels, at least 1.

    Returns:
        ``(h, w, 3)`` uint8.
    """
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))


def contact_sheet(
    pictures: Sequence[Picture],
    captions: Sequence[str] | None = None,
    *,
    columns: int = 5,
    tile: int = 200,
    title: str | None = None,
    marked: Sequence[int] = (),
) -> Picture:
    """Lay pictures out in a grid with a caption under each.

    Args:
        pictures: RGB pictures ``(H, W, 3)`` uint8 of any sizes; at least one.
        captions: A caption for each picture, of up to two lines; each line is shortened to the tile's width.
        columns: Pictures in a row, at least 1.
        tile: Side of a tile in pixels, at least 16.
        title: A line above the grid.
        marked: Positions of pictures that get a red frame, for example the query.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: There is no picture, the numbers of pictures and captions differ, or ``columns`` or ``tile`` is too
            small.
    """
    if not pictures:
        raise InputError("A contact sheet needs at least one picture.")
    if captions is not None and len(captions) != len(pictures):
        raise InputError(f"{len(pictures)} pictures need {len(pictures)} captions, not {len(captions)}.")
    if columns < 1 or tile < 16:
        raise InputError(f"columns must be at least 1 and tile at least 16, not {columns} and {tile}.")

    gap, line = 12, 16
    small = [fit(picture, tile) for picture in pictures]
    columns = min(columns, len(pictures))
    rows = [small[start : start + columns] for start in range(0, len(small), columns)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    text_height = line * max((caption.count("\n") + 1 for caption in captions), default=0) if captions else 0
    top = gap + (32 if title else 0)
    size = (gap + columns * (tile + gap), top + sum(heights) + len(rows) * (gap + text_height))
    sheet = Image.new("RGB", size, PAPER)
    canvas = ImageDraw.Draw(sheet)
    if title:
        _write_text(canvas, (gap, 12), title, width=sheet.width - 2 * gap, size=18)
    for k, picture in enumerate(small):
        row, column = divmod(k, columns)
        left = gap + column * (tile + gap)
        above = top + sum(heights[:row]) + row * (gap + text_height)
        height, width = picture.shape[:2]
        x, y = left + (tile - width) // 2, above + (heights[row] - height) // 2
        sheet.paste(Image.fromarray(picture), (x, y))
        if k in marked:
            canvas.rectangle((x - 4, y - 4, x + width + 3, y + height + 3), outline=ACCENT, width=4)
        for n, text in enumerate(captions[k].split("\n") if captions else ()):
            _write_text(canvas, (left, above + heights[row] + 3 + n * line), text, width=tile, size=12)
    return np.asarray(sheet)


def heat_colors(heat: NDArray[np.floating]) -> Picture:
    """Color values in [0, 1] by the map "inferno": ``(H, W)`` float to ``(H, W, 3)`` uint8."""
    place = np.clip(np.nan_to_num(heat), 0, 1) * (len(_INFERNO) - 1)
    stops = np.arange(len(_INFERNO))
    return np.stack([np.interp(place, stops, _INFERNO[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)


def overlay(picture: Picture, heat: NDArray[np.floating], *, alpha: float = 0.55) -> Picture:
    """Lay a heat map over a picture.

    Args:
        picture: ``(H, W, 3)`` uint8.
        heat: ``(h, w)`` float of any size, values in [0, 1]; it is enlarged to the picture smoothly.
        alpha: Weight of the heat map in [0, 1].

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: ``heat`` does not have two dimensions or is empty, or ``alpha`` lies outside [0, 1].
    """
    if heat.ndim != 2 or not heat.size:
        raise InputError(f"A heat map must have the shape (h, w), not {heat.shape}.")
    if not 0 <= alpha <= 1:
        raise InputError(f"alpha must be within [0, 1], not {alpha}.")
    height, width = picture.shape[:2]
    smooth = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
    colors = heat_colors(np.asarray(smooth)).astype(np.float32)
    gray = picture.mean(axis=2, keepdims=True, dtype=np.float32)
    return np.rint((1 - alpha) * gray + alpha * colors).astype(np.uint8)


def boxes(
    picture: Picture,
    corners: NDArray[np.floating] | Sequence[Sequence[float]],
    labels: Sequence[str] | None = None,
    *,
    color: Color = ACCENT,
    width: int = 2,
) -> Picture:
    """Draw boxes with labels.

    Args:
        picture: ``(H, W, 3)`` uint8.
        corners: ``(N, 4)``: x0, y0, x1, y1 in pixels.
        labels: A text for each box.
        color: RGB of frames and label grounds.
        width: Thickness of the frames in pixels.

    Returns:
        ``(H, W, 3)`` uint8.

    Raises:
        InputError: The boxes are not ``(N, 4)``, or the numbers of boxes and labels differ.
    """
    if any(np.shape(box) != (4,) for box in corners):
        strange = next(np.shape(box) for box in corners if np.shape(box) != (4,))
        raise InputError(f"Boxes must have the shape (N, 4); one has the shape {strange}.")
    array = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    if labels is not None and len(labels) != len(array):
        raise InputError(f"{len(array)} boxes need {len(array)} labels, not {len(labels)}.")
    image = Image.fromarray(picture)
    canvas = ImageDraw.Draw(image)
    for k, (x0, y0, x1, y1) in enumerate(array):
        canvas.rectangle((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), outline=color, width=width)
        if labels is not None:
            font, shown = _font(labels[k], 13)
            ground = canvas.textbbox((x0 + width, y0 + width), shown, font=font)
            canvas.rectangle((ground[0] - 2, ground[1] - 2, ground[2] + 2, ground[3] + 2), fill=color)
            canvas.text((x0 + width, y0 + width), shown, fill=PAPER, font=font)
    return np.asarray(image)


def boxes_on_tile(
    picture: Picture,
    corners: NDArray[np.floating],
    labels: Sequence[str],
    colors: Sequence[Color],
    *,
    side: int,
) -> Picture:
    """A picture of a contact sheet with boxes, whose frames and labels are as large whatever the picture's size.

    A label stands above its box where there is room, and always within the picture.

    Args:
        picture: ``(H, W, 3)`` uint8.
        corners: ``(N, 4)``: x0, y0, x1, y1 in pixels of the picture.
        labels: A text for each box.
        colors: RGB of the frame and the label of each.
        side: Length of the longer side of the tile in pixels, at least 1.

    Returns:
        ``(h, w, 3)`` uint8, the longer side of which is ``side``.

    Raises:
        InputError: As for :func:`boxes`.
    """
    small = fit(picture, side)
    (height, width), (high, wide) = picture.shape[:2], small.shape[:2]
    array = np.asarray(corners, np.float64).reshape(-1, 4) * np.array([wide / width, high / height] * 2)
    image = Image.fromarray(small)
    canvas = ImageDraw.Draw(image)
    for box, color in zip(array.tolist(), colors, strict=True):
        canvas.rectangle(box, outline=color, width=2)
    for (x0, y0, _, _), label, color in zip(array.tolist(), labels, colors, strict=True):
        font, shown = _font(label, _SMALL)
        left, top, right, bottom = canvas.textbbox((0, 0), shown, font=font)
        x = max(0, min(x0, wide - (right - left) - 4))
        y = y0 - (bottom - top) - 4 if y0 - (bottom - top) - 4 >= 0 else y0
        canvas.rectangle((x, y, x + right - left + 3, y + bottom - top + 3), fill=color)
        canvas.text((x + 2 - left, y + 2 - top), shown, fill=PAPER, font=font)
    return np.asarray(image)


_SMALL = 11  # size of letters on a tile


def legend(names: Sequence[str], colors: Sequence[Color], *, side: int, most: int = 12) -> Picture:
    """A tile of a contact sheet that says which color stands for what, ``(h, side, 3)`` uint8.

    Args:
        names: What is told apart; at least one.
        colors: The RGB of each.
        side: Width of the tile in pixels, at least 16.
        most: Lines that are shown.
    """
    line = _SMALL + 6
    shown = min(len(names), most)
    image = Image.new("RGB", (side, line * (shown + (len(names) > shown)) + 4), PAPER)
    canvas = ImageDraw.Draw(image)
    for k in range(shown):
        canvas.rectangle((2, 4 + k * line, 2 + _SMALL, 4 + k * line + _SMALL), fill=colors[k], outline=INK)
        _write_text(canvas, (_SMALL + 10, 2 + k * line), names[k], width=side - _SMALL - 12, size=_SMALL)
    if len(names) > shown:
        _write_text(canvas, (2, 2 + shown * line), f"and {len(names) - shown} more", width=side - 4, size=_SMALL)
    return np.asarray(image)
