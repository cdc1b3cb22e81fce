"""From the numbers in a file to a picture: value ranges, alpha, inks, colors.

Scientific files hold numbers that are no picture's yet: 10 bits in 16, integers with a sign, floats. They become
8 or 16 bits in one of two ways: exact, so that equal numbers stay equal, or stretched so that they can be seen.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visus._errors import FormatError
from visus.images.profiles import keeps_16_bits, to_srgb

Range = Literal["type", "own"]

_DEPTHS = (8, 10, 12, 14)  # bits of sensors and scanners


@dataclass(frozen=True, slots=True)
class Samples:
    """What a file holds, upright.

    Attributes:
        colors: ``(H, W)`` gray, ``(H, W, 3)`` RGB or ``(H, W, 4)`` CMYK (0 is no ink), of any real dtype.
        bits: Of these numbers in the file: fewer than those of the dtype where the file says so.
        alpha: ``(H, W)`` of the same dtype; None for an opaque picture.
        premultiplied: Whether the colors have been multiplied by alpha.
        zero_is_white: Whether the smallest number is white.
        told: The smallest and the largest number, as the file says; None where it does not.
        profile: The color profile.
        notes: What was left out.
    """

    colors: NDArray[Any]
    bits: int = 8
    alpha: NDArray[Any] | None = None
    premultiplied: bool = False
    zero_is_white: bool = False
    told: tuple[float, float] | None = None
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layers:
    """A picture as a file holds it, in 8 or 16 bits.

    Attributes:
        colors: ``(H, W)`` gray, ``(H, W, 3)`` RGB or ``(H, W, 4)`` CMYK (0 is no ink), uint8 or uint16.
        alpha: ``(H, W)`` of the same dtype; None for an opaque picture.
        premultiplied: Whether the colors have been multiplied by alpha.
        profile: The color profile.
        notes: What must be said: what was stretched or left out.
    """

    colors: NDArray[Any]
    alpha: NDArray[Any] | None = None
    premultiplied: bool = False
    profile: bytes | None = None
    notes: tuple[str, ...] = ()


def layers_of(samples: Samples, values: Range, name: str, ends: tuple[float, float] | None = None) -> Layers:
    """The picture that a file holds.

    Args:
        samples: What the file holds.
        values: ``"type"``: exact, the file's type has its full range; ``"own"``: stretched where the picture would
            come out black, or could not be shown at all.
        name: What errors call the file.
        ends: What becomes black and white, if it is known.

    Raises:
        FormatError: The numbers are no picture's, and ``values`` is ``"type"``, or there are none at all.
    """
    low, high, note = _range(samples, values, name) if ends is None else (*ends, _TOGETHER)
    colors = _scaled(samples.colors, low, high)
    if samples.zero_is_white:
        colors = np.iinfo(colors.dtype).max - colors
    alpha = None if samples.alpha is None else _scaled(samples.alpha, *_range_of_alpha(samples))
    notes = (*samples.notes, *filter(None, [note]))
    return Layers(colors, alpha, samples.premultiplied, samples.profile, notes)


_TOGETHER = "numbers stretched to the common range of the pages"


def ends_of(samples: Samples, name: str) -> tuple[float, float, bool]:
    """The smallest and the largest number, as a file tells or as they are, and whether they are a picture's as such.

    Raises:
        FormatError: There are no numbers.
    """
    low, high, whole = _ends(samples.colors, name)
    most = 1 if samples.colors.dtype.kind == "f" else 65535
    exact = whole and low >= 0 and high <= most
    told = samples.told
    return (*(told if told and told[0] <= low and high <= told[1] else (low, high)), exact)


def flat(layers: Layers) -> tuple[NDArray[Any], tuple[str, ...]]:
    """A picture over white and in sRGB, and what must be said of it.

    Returns:
        ``(H, W)`` gray or ``(H, W, 3)`` RGB, uint8 or uint16, and notes.
    """
    notes = list(layers.notes)
    plain = straight(layers) if layers.profile else layers  # a profile is one of colors that are not multiplied
    colors = in_srgb(plain.colors, plain.profile, notes)
    return over_white(replace(plain, colors=colors)), tuple(notes)


def straight(layers: Layers) -> Layers:
    """The same picture with colors that are not multiplied by alpha; what is quite transparent is black."""
    if layers.alpha is None or not layers.premultiplied:
        return layers
    most = np.uint32(np.iinfo(layers.colors.dtype).max)
    alpha = layers.alpha.astype(np.uint32)
    alpha = np.maximum(alpha if layers.colors.ndim == 2 else alpha[:, :, None], 1)
    colors = np.minimum((layers.colors * most + alpha // 2) // alpha, most).astype(layers.colors.dtype)
    return replace(layers, colors=colors, premultiplied=False)


def over_white(layers: Layers) -> NDArray[Any]:
    """The colors of a picture over white, of the same shape and dtype."""
    if layers.alpha is None:
        return layers.colors
    most = np.uint32(np.iinfo(layers.colors.dtype).max)
    alpha = layers.alpha.astype(np.uint32)
    alpha = alpha if layers.colors.ndim == 2 else alpha[:, :, None]
    shown = layers.colors.astype(np.uint32) * (most if layers.premultiplied else alpha)
    # 65,535 * 65,535 and a half still have 32 bits, and of what is premultiplied nothing is above alpha.
    limit = most * most
    shown = np.minimum(shown, limit - most * (most - alpha)) + most * (most - alpha)
    return ((shown + most // 2) // most).astype(layers.colors.dtype)


def in_srgb(colors: NDArray[Any], profile: bytes | None, notes: list[str]) -> NDArray[Any]:
    """Colors of a picture in sRGB; inks without a profile by the plain rule.

    Args:
        colors: ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` for CMYK, uint8 or uint16.
        profile: Of the colors.
        notes: What must be said is added here.

    Returns:
        ``(H, W)`` or ``(H, W, 3)`` of the same dtype.
    """
    if profile:
        try:
            found = to_srgb(colors, profile)
        except ValueError:
            notes.append("color profile not understood, colors as they are")
        else:
            if found is not None and found.dtype == np.uint16 and not keeps_16_bits():
                notes.append("colors converted in 8 of 16 bits; in all with: pip install 'visus[codecs]'")
            colors = colors if found is None else found
    if colors.ndim == 3 and colors.shape[2] == 4:
        most = np.uint32(np.iinfo(colors.dtype).max)
        ink = most - colors.astype(np.uint32)
        return ((ink[:, :, :3] * ink[:, :, 3:] + most // 2) // most).astype(colors.dtype)
    return colors


def _range(samples: Samples, values: Range, name: str) -> tuple[float, float, str | None]:
    """Which numbers become black and white, and what is said of it."""
    kind = samples.colors.dtype
    if kind in (np.bool_, np.uint8):
        return 0, 1 if kind == np.bool_ else (1 << min(samples.bits, 8)) - 1, None
    low, high, whole = _ends(samples.colors, name)
    if kind.kind == "f":
        if whole and low >= 0 and high <= 1:
            return 0, 1, None
        return _own(low, high, samples, values, f"{name} holds floats from {low:g} to {high:g} or NaN")
    if low < 0 or high > 65535:
        return _own(low, high, samples, values, f"{name} holds integers from {low:.0f} to {high:.0f}")
    if samples.bits < 8 * kind.itemsize:  # packed
        return 0, float((1 << samples.bits) - 1), None
    stretched = _few_bits(low, high, samples.told) if values == "own" and kind != np.int8 else None
    return stretched or (0, 255 if kind == np.int8 else 65535, None)


def _ends(numbers: NDArray[Any], name: str) -> tuple[float, float, bool]:
    """The smallest and the largest number, and whether all are finite."""
    finite = numbers[np.isfinite(numbers)] if numbers.dtype.kind == "f" else numbers
    if not finite.size:
        raise FormatError(f"{name} holds no numbers (all are NaN or infinite); bring another file.")
    return float(finite.min()), float(finite.max()), finite.size == numbers.size


def _own(low: float, high: float, samples: Samples, values: Range, what: str) -> tuple[float, float, str]:
    """The range that the file tells of, or its own."""
    if values == "type":
        raise FormatError(
            f"{what}; save it with 8 or 16 bits a channel or floats in [0, 1], or read it with range='own' "
            "(its smallest value is black then, its largest white)."
        )
    if samples.told and samples.told[0] <= low and high <= samples.told[1]:
        low, high = samples.told
    kind = "floats" if samples.colors.dtype.kind == "f" else "integers"
    return low, high, f"{kind} stretched to their own range"


def _few_bits(low: float, high: float, told: tuple[float, float] | None) -> tuple[float, float, str] | None:
    """The range of numbers that leave the upper bits of 16 empty."""
    if told and told[0] <= low and high <= told[1] and 0 < told[1] - told[0] < 65535:
        return told[0], told[1], f"stretched from the range {told[0]:g} to {told[1]:g} that the file tells"
    bits = next((bits for bits in _DEPTHS if high < 1 << bits), 16)
    if bits == 16 or high == 0:
        return None
    return 0, float((1 << bits) - 1), f"{bits} of 16 bits stretched"


def _range_of_alpha(samples: Samples) -> tuple[float, float]:
    if samples.colors.dtype.kind in "fb":
        return 0, 1
    return 0, float((1 << min(samples.bits, 16)) - 1)


def _scaled(numbers: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    """Numbers from black to white: uint8 where they have 8 bits, uint16 for all others."""
    kind = np.uint8 if numbers.dtype.itemsize == 1 else np.uint16
    most = np.iinfo(kind).max
    if low == 0 and high == most and numbers.dtype.kind in "ui":
        return numbers.astype(kind)
    values = np.nan_to_num(
        numbers.astype(np.float32 if numbers.dtype in (np.uint8, np.uint16) else np.float64),
        nan=low,
        posinf=high,
        neginf=low,
    )
    share = (values - low) / ((high - low) or 1)
    return np.rint(np.clip(share, 0, 1) * most).astype(kind)
