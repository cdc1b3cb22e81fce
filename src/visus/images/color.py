"""Value ranges and color spaces."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus._renamed import renamed

Array = NDArray[Any]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def full_scale(dtype: np.dtype) -> float:
    """The value that means white: 255, 65535, or 1 for floats and bool.

    Raises:
        InputError: The dtype is not a picture's.

    >>> full_scale(np.dtype("uint16"))
    65535.0
    """
    if dtype in (np.uint8, np.uint16):
        return float(np.iinfo(dtype).max)
    if dtype == np.bool_ or np.issubdtype(dtype, np.floating):
        return 1.0
    raise InputError(
        f"A picture must be uint8, uint16, bool or float in [0, 1], not {dtype}; scale it to one of these first."
    )


def to_float(picture: Array) -> NDArray[np.floating]:
    """A picture with values in [0, 1]: float32, and float64 where it was.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16, bool or float.

    Returns:
        The same shape. float32 and float64 come back as they are, even with values outside [0, 1].

    Raises:
        InputError: The dtype is not a picture's.

    >>> to_float(np.array([[0, 255]], np.uint8)).tolist()
    [[0.0, 1.0]]
    """
    scale = full_scale(picture.dtype)
    if np.issubdtype(picture.dtype, np.floating) and picture.dtype != np.float16:
        return np.asarray(picture)
    return np.asarray(picture, np.float32) / np.float32(scale)


def like(values: NDArray[np.floating], dtype: np.dtype) -> Array:
    """Values in the scale of a dtype as that dtype: rounded and kept within its range.

    Args:
        values: ``(H, W)`` or ``(H, W, C)`` float.
        dtype: uint8, uint16, bool (True from 0.5 on) or float, which is neither rounded nor clipped.

    Returns:
        The same shape, of that dtype.

    Raises:
        InputError: The dtype is not a picture's.

    >>> like(np.array([[-3.0, 1.6, 300.0]]), np.dtype("uint8")).tolist()
    [[0, 2, 255]]
    """
    if np.issubdtype(dtype, np.floating):
        return values.astype(dtype, copy=False)
    if dtype == np.bool_:
        return values >= 0.5
    rounded = np.rint(values)
    return np.clip(rounded, 0, full_scale(dtype), out=rounded).astype(dtype)


def to_gray(picture: Array) -> Array:
    """Luma of an RGB picture (ITU-R BT.601), in its dtype; gray pictures stay as they are.

    Args:
        picture: ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``, whose alpha is passed over; uint8, uint16,
            bool or float.

    Returns:
        ``(H, W)`` of the same dtype.

    Raises:
        InputError: The picture does not have 1, 3 or 4 channels, or the dtype of a color picture is not a picture's.

    >>> to_gray(np.full((1, 1, 3), 7, np.uint8)).tolist()
    [[7]]
    """
    if picture.ndim == 2:
        return picture
    if picture.shape[2] == 1:
        return picture[:, :, 0]
    if picture.shape[2] not in (3, 4):
        raise InputError(f"A picture has 1, 3 or 4 channels, not {picture.shape[2]}; choose the channels first.")
    if picture.dtype in (np.uint8, np.uint16, np.float32):
        import cv2

        return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture[:, :, :3]), cv2.COLOR_RGB2GRAY))
    return like(picture[:, :, :3].astype(np.float64) @ _LUMA, picture.dtype)


def to_rgb(picture: Array) -> Array:
    """Three channels of a gray or RGB picture; alpha is passed over.

    Args:
        picture: ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)`` of any dtype.

    Returns:
        ``(H, W, 3)`` of the same dtype.

    Raises:
        InputError: The picture does not have 1, 3 or 4 channels.
    """
    if picture.ndim == 2 or picture.shape[2] == 1:
        return np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
    if picture.shape[2] not in (3, 4):
        raise InputError(f"A picture has 1, 3 or 4 channels, not {picture.shape[2]}; choose the channels first.")
    return picture[:, :, :3]


def to_hsv(picture: Array) -> NDArray[np.float32]:
    """Hue, saturation and value of an RGB picture (Smith 1978): ``(H, W, 3)`` float32.

    Hue lies in [0, 1) (0 red, 1/3 green, 2/3 blue), saturation and value in [0, 1].

    Args:
        picture: ``(H, W)``, ``(H, W, 1)``, ``(H, W, 3)`` or ``(H, W, 4)``; uint8, uint16, bool or float in [0, 1].

    Raises:
        InputError: Floats are not within [0, 1], there are 2 or more than 4 channels, or the dtype is not a picture's.

    >>> to_hsv(np.array([[[0, 255, 0]]], np.uint8)).round(3).tolist()
    [[[0.3330000042915344, 1.0, 1.0]]]
    """
    import cv2

    values = np.ascontiguousarray(to_float(to_rgb(picture)), np.float32)
    if not (values.min() >= 0 and values.max() <= 1):
        raise InputError(
            f"Colors of floats must be within [0, 1], not {values.min():.3g} to {values.max():.3g}; scale them first."
        )
    hsv = np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2HSV), np.float32)
    hsv[..., 0] = hsv[..., 0] / np.float32(360) % 1  # what is nearly a whole turn rounds to one
    return hsv


def from_hsv(hsv: NDArray[np.floating]) -> NDArray[np.float32]:
    """The RGB picture in [0, 1] of hue in [0, 1), saturation and value; the inverse of :func:`to_hsv`.

    Args:
        hsv: ``(H, W, 3)`` float.

    Returns:
        ``(H, W, 3)`` float32.

    >>> from_hsv(np.array([[[2 / 3, 1.0, 1.0]]])).tolist()
    [[[0.0, 0.0, 1.0]]]
    """
    import cv2

    degrees = np.asarray(hsv, np.float32) * np.array([360, 1, 1], np.float32)
    return np.asarray(cv2.cvtColor(degrees, cv2.COLOR_HSV2RGB), np.float32).clip(0, 1)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module attribute may be anything
    return renamed(__name__, name)
