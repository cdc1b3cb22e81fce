"""The lines of YOLO's labels: a class and the numbers of a box or a polygon, and what they mean where it is doubted."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.data.left_out import Notes

_FEW, _SLACK = 4, 0.02
_MANY, _BEYOND = 10, 5  # different boxes, and of these beyond the left or upper border
_SQUARE = 2e-3  # shares of the sides by which the corners of a box may be off


def read_lines(path: Path) -> list[list[float]]:
    """The numbers of each line; none where there is no file: a picture without objects.

    A box may have a score behind it, as answers of a network have.

    Raises:
        FormatError: A line is neither a box nor a polygon.
    """
    if not path.is_file():
        return []
    rows = []
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise FormatError(f"{path} cannot be read ({error.strerror}); mend it.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = [float(part) for part in line.replace(",", " ").split()]
            scored = len(row) == 6 and 0 <= row[5] <= 1
            pose = len(row) > 7 and (len(row) - 5) % 3 == 0
            if len(row) != 5 and not scored and not pose and (len(row) < 7 or len(row) % 2 == 0):
                raise ValueError(f"{len(row)} numbers")
            if row[0] != int(row[0]) or row[0] < 0:
                raise ValueError(f"class {row[0]}")
        except (ValueError, OverflowError) as error:
            raise FormatError(
                f"{path}, line {number} is neither a class with a box (x y w h) nor with a polygon ({error}); mend it."
            ) from error
        rows.append(row)
    return rows


def look_at(rows: list[dict[str, Any]], values: dict[str, Any], notes: Notes) -> None:
    """Recognize what the numbers of all objects are, and say what is taken for what; the rows are changed in place.

    Args:
        rows: Objects, each with its ``line``.
        values: What ``data.yaml`` holds.
        notes: Told of scores, key points, pixels, corners and rotated boxes.
    """
    _without_scores(rows, notes)
    if "kpt_shape" in values or _are_poses(rows):
        _without_points(rows, notes)
    _look_at_numbers(rows, notes)
    _look_at_rotation(rows, notes)


def _without_scores(rows: list[dict[str, Any]], notes: Notes) -> None:
    for row in rows:
        if len(row["line"]) == 6:
            notes.mends["with a score behind the box, which is not read"] += 1
            row["line"] = row["line"][:5]


def _are_poses(rows: list[dict[str, Any]]) -> bool:
    """Whether all lines are boxes with key points: as many in each, every third number 0, 1 or 2 (how it is seen)."""
    lengths = {len(row["line"]) for row in rows}
    if len(lengths) != 1:
        return False
    (length,) = lengths
    if length < 8 or (length - 5) % 3:
        return False
    numbers = np.array([row["line"][1:] for row in rows])
    seen, box = numbers[:, 6::3], numbers[:, 2:4]
    return bool(np.isin(seen, (0, 1, 2)).all() and (seen > 0).any() and (box > 0).all())


def _without_points(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Keep the boxes of lines that end with the key points of a body; the rows are changed in place."""
    for row in rows:
        notes.mends["with key points, of which the box alone is taken"] += len(row["line"]) > 5
        row["line"] = row["line"][:5]


def _look_at_numbers(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Recognize boxes that are given in pixels, or by their corners, and say so; the rows are changed in place."""
    boxes = [row for row in rows if len(row["line"]) == 5]
    if len(boxes) < _FEW:
        return
    numbers = np.array([row["line"][1:] for row in boxes])
    if not np.isfinite(numbers).all():
        return
    ordered = bool((numbers[:, 2:] > numbers[:, :2]).all() and (numbers >= 0).all())
    in_pixels = bool((numbers[:, :2].max(1) > 1.5).mean() > 0.5)
    x, y, w, h = numbers.T
    beyond = (x - w / 2 < -_SLACK) | (y - h / 2 < -_SLACK) | (x + w / 2 > 1 + _SLACK) | (y + h / 2 > 1 + _SLACK)
    as_corners = ordered and not in_pixels and bool((numbers <= 1 + _SLACK).all()) and beyond.mean() > 0.2
    if in_pixels:
        notes.remarks.append("The numbers of the boxes are pixels, not shares of the picture, and are taken as such.")
    if as_corners:
        notes.remarks.append(
            "The boxes are given by their corners (x0 y0 x1 y1), not by middle and size: as the latter many would lie "
            "outside of their pictures; they are taken as corners."
        )
    may_be_upper = not in_pixels and not as_corners and beyond.mean() > 0.2 and bool((numbers >= 0).all())
    may_be_upper = may_be_upper and bool((x + w <= 1 + _SLACK).all() and (y + h <= 1 + _SLACK).all())
    as_upper = may_be_upper and _are_many_beyond(numbers, beyond)
    if as_upper:
        notes.remarks.append(
            "The boxes are given by their left upper corner and size, not by middle and size: as the latter many would "
            "lie outside of their pictures; they are taken as such."
        )
    elif may_be_upper:
        notes.remarks.append(
            f"{int(beyond.sum()):,} of {len(beyond):,} boxes reach beyond the left or upper border, and none beyond "
            "the others, as if given by their left upper corner and size; they are too few to tell, and taken as "
            "middle and size. Look at some of them."
        )
    for row in boxes:
        row |= {"pixels": in_pixels, "corners": as_corners, "upper": as_upper}


def _are_many_beyond(numbers: NDArray[np.float64], beyond: NDArray[np.bool_]) -> bool:
    """Whether so many boxes would reach beyond the left and upper border that these are no objects which it cuts.

    Args:
        numbers: What each box is given by, ``(n, 4)``, as shares.
        beyond: Which of them reach beyond, read as middle and size.
    """
    x, y, w, h = np.unique(numbers[beyond], axis=0).T
    far = (x < w / 4) | (y < h / 4)  # by more than a quarter of their side
    return len(np.unique(numbers, axis=0)) >= _MANY and len(x) >= _BEYOND and int(far.sum()) >= 2


def _look_at_rotation(rows: list[dict[str, Any]], notes: Notes) -> None:
    """Say where four corners are those of rotated boxes (YOLO-OBB).

    Corners of a rectangle are those of a parallelogram, however a picture is stretched; polygons seldom are.
    """
    lines = [row["line"] for row in rows]
    if not lines or any(len(line) != 9 for line in lines):
        return
    corners = np.array(lines)[:, 1:].reshape(-1, 4, 2)
    apart = np.abs(corners[:, 0] - corners[:, 1] + corners[:, 2] - corners[:, 3]).max(1)
    if (apart > _SQUARE).mean() > 0.05:
        return
    xs, ys = corners[..., 0], corners[..., 1]
    ends = np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1)], 1)
    off = np.minimum(np.abs(xs - ends[:, :1]), np.abs(xs - ends[:, 2:3])).max(1)
    off = np.maximum(off, np.minimum(np.abs(ys - ends[:, 1:2]), np.abs(ys - ends[:, 3:])).max(1))
    notes.mends["a rotated box: the upright box around it is taken"] += int((off > _SQUARE).sum())


def row_of(row: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """An object in pixels.

    Args:
        row: ``line``, the numbers, and perhaps ``pixels``, ``corners`` or ``upper``: that they are pixels, two corners,
            or the left upper corner and the size.
        size: Height and width of the picture.

    Raises:
        ValueError: They are neither those of a box nor of a polygon.
    """
    line = row["line"]
    height, width = (1, 1) if row.get("pixels") else size
    label, numbers = int(line[0]), line[1:]
    if len(numbers) == 4 and row.get("corners"):
        return {"label": label, "box": [v * side for v, side in zip(numbers, [width, height] * 2, strict=True)]}
    if len(numbers) == 4:
        x, y, w, h = numbers
        if row.get("upper"):
            x, y = x + w / 2, y + h / 2
        box = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
        return {"label": label, "box": box}
    corners = [value * side for value, side in zip(numbers, [width, height] * (len(numbers) // 2), strict=True)]
    xs, ys = corners[0::2], corners[1::2]
    return {"label": label, "box": [min(xs), min(ys), max(xs), max(ys)], "shape": [corners]}
