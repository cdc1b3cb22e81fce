"""How much encoders took from a picture, as far as its file and its pixels tell."""

import math
from collections.abc import Sequence

from visus.search.duplicates.exact import LOSSLESS
from visus.search.duplicates.opened import Traits
from visus.search.duplicates.rounding import explains
from visus.search.duplicates.tones import crushed, two_toned

_STEPS = 1.25  # times the finest quantization, and one step more
_LOSS = {**dict.fromkeys(LOSSLESS, 0.0), "GIF": 8.0}  # of formats that say nothing of their quantization
_AS_JPEG = {"WEBP": 1.4, "JPEG2000": 1.3, "JXL": 1.8, "HEIC": 2.0, "AVIF": 2.2}  # bytes of JPEG for one of these, about
_RICH = 0.8  # of the most bytes
_OF_ENCODERS = 10.0  # mean step of those that do not tell theirs
_SOFT_EDGES = 4.0  # levels by which colors differ in the mean where a drawing was made smaller
_FEW_COLORS = 0.7  # levels by which colors differ in the mean where a palette lost some

ENCODED = 0.25
"""How surely a picture was made of a JPEG (see :meth:`Traits.encodes`), from which it counts as that."""


def least_lossy(left: Sequence[Traits]) -> list[Traits]:
    """Those that lost least; where a format does not tell it, those of which most bytes are left."""
    losses = [loss_of(traits) for traits in left]
    if None in losses and 0.0 not in losses:  # by what is left of them, then
        rich = [_richness(traits) for traits in left]
        return [traits for traits, own in zip(left, rich, strict=True) if own >= _RICH * max(rich)]
    told = [math.inf if loss is None else loss for loss in losses]
    return [traits for traits, own in zip(left, told, strict=True) if not coarser(own, min(told))]


def coarser(step: float, finest: float) -> bool:
    """Whether a step of quantization is clearly coarser than the finest."""
    return step > _STEPS * finest + (1 if finest else 0)


def loss_of(traits: Traits) -> float | None:
    """About the mean step to which a picture was rounded, at any time, 0 for none; None where nothing tells."""
    told = told_loss(traits)
    return max(told or 0, traits.rounded) or told


def told_loss(traits: Traits) -> float | None:
    """The mean step that the file tells, or its format; None where neither does."""
    return traits.facts.compression or _LOSS.get(traits.facts.container)


def encoded_again(traits: Traits) -> bool:
    """Whether the pixels were rounded more coarsely than the file says."""
    return traits.rounded > 0 and coarser(traits.rounded, told_loss(traits) or 0)


def lost_colors(own: Traits, other: Traits, difference: float) -> bool:
    """Whether a palette lost some of the colors of another picture, which is not just what an encoder made of it.

    Args:
        own: Of the picture that has a palette, perhaps.
        other: Of the other.
        difference: Mean difference of their colors, in levels of 255.
    """
    fewer = own.facts.colors > 0 and not 0 < other.facts.colors <= own.facts.colors
    if not fewer or difference <= _FEW_COLORS:
        return False
    if own.blocks.shape != other.blocks.shape or not explains(own.blocks, other.blocks, loss_of(other) or 0):
        return True
    return own.encodes(other) >= ENCODED


def lost_shades(own: Traits, other: Traits, difference: float) -> float:
    """The share of a picture that is black where another one has shades which no encoder or filter has added.

    Args:
        own: Of the picture that lost some, perhaps.
        other: Of the other.
        difference: Mean difference of their colors, in levels of 255.
    """
    share = crushed(own.levels, other.levels)
    if share and told_loss(other) == 0 and other.encodes(own) >= ENCODED:
        return 0.0
    if not share or told_loss(own) != 0 or not two_toned(own.blocks):
        return share
    if own.blocks.shape != other.blocks.shape:
        return 0.0 if pixels_in(other) < pixels_in(own) and difference <= _SOFT_EDGES else share
    told = told_loss(other) != 0 and explains(own.blocks, other.blocks, loss_of(other) or _OF_ENCODERS)
    return 0.0 if told else share


def _richness(traits: Traits) -> float:
    """Bytes a pixel that JPEG would need for as much."""
    return _AS_JPEG.get(traits.facts.container, 1.0) * traits.member.size / pixels_in(traits)


def is_lossless(traits: Traits) -> bool:
    """Whether its format loses nothing."""
    return traits.facts.container in LOSSLESS


def pixels_in(traits: Traits) -> int:
    """How many pixels a picture has."""
    return traits.member.width * traits.member.height
