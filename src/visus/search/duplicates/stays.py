"""Why a copy stays although another picture of its group is kept: it has what that one lacks."""

import functools
import math
import os
from collections.abc import Callable

from visus.images.facts import Facts
from visus.images.metadata_words import says
from visus.search.duplicates.keep import COLORS, CONTRAST, WELL_EXPOSED, Keeping, color_of, softer
from visus.search.duplicates.loss import (
    ENCODED,
    coarser,
    least_lossy,
    loss_of,
    lost_colors,
    lost_shades,
    pixels_in,
    told_loss,
)
from visus.search.duplicates.opened import Traits
from visus.search.duplicates.relations import Judgment
from visus.search.duplicates.rounding import explains

CAPTION = "has another caption"
"""Why a copy with a mark stays beside others with other marks."""

NOTED = "has writing at its edge"
"""Why a copy stays that has writing where the kept picture is not: in a border, or in a last line."""

SIDECAR = "has a sidecar file"
"""Why a copy stays beside which a file lies that belongs to it: notes, a caption, a label, or a video."""

_FINER = 1.15  # pixels for each of the kept one, along a side, with which a copy may have more detail
_SIDECARS = (
    *(".xmp", ".aae", ".pp3", ".dop", ".thm"),  # what programs and cameras note beside a picture, Apple's of an edit
    *(".json", ".txt", ".caption", ".xml"),  # positions, persons, captions and labels
    *(".mov", ".mp4", ".wav"),  # the other half of a live photograph, a spoken note
)
_TAKEOUT, _SHORTENED = ".supplemental-metadata", 46  # Google's, and letters to which it shortens a name
_NEAR = 2e-4  # degrees within which positions are the same, some 20 meters
_HALF = 0.45  # pixels for each of the kept one, along a side, from which a copy is no small picture made for a list
_FINE = 18.0  # mean step of a JPEG as cameras write it, at most
_BLOCKY = 60.0  # mean step of a JPEG whose blocks look like detail
_DETAIL = 1.4  # times the detail of the kept one, with which a copy stays


def has_more(own: Traits, kept: Traits, judgment: Judgment, wanted: Keeping) -> str:
    """Why a copy stays that has what the kept picture lacks; empty where it has not.

    Args:
        own: Of the copy.
        kept: Of the picture that is kept.
        judgment: How the copy agrees with it.
        wanted: What the user wants: a picture that was chosen by a rule may be worse than the copy.
    """
    by_rule = wanted.rule != "best" or wanted.protects(kept.member.path)
    whole = judgment.evidence.outside[0] == "nothing"
    toned = _has_other_tones(own, kept, judgment)
    difference = judgment.relation.color if judgment.relation else 0.0
    names = set(judgment.relation.names) if judgment.relation else set[str]()
    reasons: dict[str, Callable[[], bool]] = {
        "is not damaged": lambda: kept.damaged and not own.damaged,
        "is a raw file": lambda: own.facts.container == "RAW",
        "has further pictures": lambda: own.facts.frames > kept.facts.frames,
        "has further channels": lambda: own.facts.further > kept.facts.further,
        "has a video behind it": lambda: own.facts.video and not kept.facts.video,
        "has its colors": lambda: color_of(kept) < COLORS * color_of(own),
        "has more colors": lambda: lost_colors(kept, own, difference),
        "is not overexposed": lambda: -judgment.blown > 1 - WELL_EXPOSED,
        "has shades in its shadows": lambda: whole and lost_shades(kept, own, difference) > 1 - WELL_EXPOSED,
        "has its date": lambda: own.facts.captured is not None and kept.facts.captured is None,
        "has more depth": lambda: own.facts.depth > kept.facts.depth,
        "has metadata": lambda: not own.facts.holds <= kept.facts.holds,
        "has other metadata": lambda: _says_else(own.facts, kept.facts),
        "has more metadata": lambda: by_rule and _says_more(own.facts, kept.facts),
        "has more behind its end": lambda: own.facts.behind and not kept.facts.behind,
        "is without blurred bars": lambda: judgment.filled,
        "faces another way": lambda: _is_asset(own) and _is_asset(kept) and bool(names & {"turned", "mirrored"}),
        "holds other numbers": lambda: own.directions and kept.directions and "recolored" in names,
        "is from the camera": lambda: _is_of_the_camera(own.facts, kept.facts) and not _is_smaller(judgment),
        "is less compressed": lambda: (
            (by_rule or toned or not whole) and _is_less_compressed(own, kept, guess=by_rule or toned)
        ),
        "may be the source": lambda: _may_be_the_source(own, kept, judgment),
        "has another exposure": lambda: (
            "recolored" in names and "resized" not in names and _is_another_exposure(own, kept)
        ),
        "has more detail": lambda: _has_more_detail(own, kept, judgment),  # the last, since it takes longest
    }
    return next((why for why, there in reasons.items() if there()), "")


def _has_other_tones(own: Traits, kept: Traits, judgment: Judgment) -> bool:
    """Whether a copy differs in what makes a picture look better, so that the kept one may be an edit of it."""
    recolored = judgment.relation is not None and "recolored" in judgment.relation.names
    return recolored or own.contrast < CONTRAST * kept.contrast or color_of(own) < COLORS * color_of(kept)


def _is_asset(traits: Traits) -> bool:
    """Whether a picture was drawn to be laid over others, as the sprites of a game are: both ways are needed there."""
    return traits.transparent and traits.facts.lossless


def _is_another_exposure(own: Traits, kept: Traits) -> bool:
    """Whether nothing tells which of two pictures of one size is the source: a bracket without dates, perhaps.

    Compression tells nothing: what was made of a JPEG may be stored as TIFF.
    """
    colored = min(color_of(own), color_of(kept)) >= COLORS * max(color_of(own), color_of(kept))
    if not colored or own.contrast < CONTRAST * kept.contrast:
        return False
    return not (kept.facts.captured is not None and own.facts.captured is None)


def _may_be_the_source(own: Traits, kept: Traits, judgment: Judgment) -> bool:
    """Whether the kept picture may have been made of a copy that lost no more, and is more than an encoding of it.

    What was blurred, sharpened or made larger may be older, or look as if it had more detail.
    """
    relation = judgment.relation
    if relation is None or {"bordered", "captioned", "recolored"} & set(relation.names):
        return False
    if own.facts.colors and not kept.facts.colors:
        return False
    told, theirs = told_loss(own) or 0, loss_of(kept)
    if (
        theirs is not None and told > _FINE and coarser(told, theirs)
    ):  # without a look at the pixels, which takes longer
        return False
    finer = _is_less_compressed(own, kept, guess=True)
    if relation.scale < 1 / _FINER:
        return finer and relation.scale >= _HALF and (theirs or 0) >= _BLOCKY
    seen = own.as_in(kept, relation.lies.back())
    if finer:
        return seen is None or not seen.encodes(kept) >= ENCODED
    return seen is own and _is_an_edit(own, kept)


def _is_an_edit(own: Traits, kept: Traits) -> bool:
    """Whether two pictures with the same pixels at the same places were changed otherwise than by an encoder.

    Which was made of which is unknown then; but a copy of strong compression is no source.
    """
    ours, theirs = loss_of(own), loss_of(kept)
    if ours is None or theirs is None or (ours > _FINE and coarser(ours, theirs)):
        return False
    return not explains(own.blocks, kept.blocks, max(ours, theirs)) and not softer(own, kept)


def has_sidecar(path: str, kept: str) -> bool:
    """Whether a file lies beside a picture that belongs to it by its name, and not to the kept one too."""
    return not _sidecars(path) <= _sidecars(kept)


def _sidecars(path: str) -> set[str]:
    """The files beside a picture that belong to it by their names."""
    folder, name = os.path.split(path)
    try:
        beside = _sidecars_in(folder, os.stat(folder or ".").st_mtime_ns)
    except OSError:
        return set()
    stems = {os.path.splitext(name)[0], name, name[:_SHORTENED], (name + _TAKEOUT)[:_SHORTENED]}
    return {os.path.join(folder, own) for stem in stems for own in beside.get(stem, ()) if own != name}


@functools.lru_cache(64)
def _sidecars_in(folder: str, _changed: int) -> dict[str, list[str]]:
    """By their names without endings, the files in a folder that may belong to pictures; until the folder changes."""
    found: dict[str, list[str]] = {}
    for name in os.listdir(folder or "."):
        stem, ending = os.path.splitext(name)
        if ending.lower() in _SIDECARS:
            found.setdefault(stem, []).append(name)
    return found


def _says_else(ours: Facts, theirs: Facts) -> bool:
    """Whether the first file tells what the second one does not: other words, or another place."""
    if not all(says(theirs.words, own) for own in ours.words):
        return True
    return not all(any(_is_near(own, other) for other in theirs.places) for own in ours.places)


def _is_near(one: tuple[float, float], two: tuple[float, float]) -> bool:
    """Whether two positions, in degrees, are the same, but for how they were rounded."""
    east = abs(one[1] - two[1]) % 360
    return abs(one[0] - two[0]) <= _NEAR and min(east, 360 - east) * math.cos(math.radians(one[0])) <= _NEAR


def _is_of_the_camera(ours: Facts, theirs: Facts) -> bool:
    """Whether a camera wrote the first file, as far as it tells, and a program for editing the second."""
    return ours.camera and not ours.edited and theirs.edited


def _is_smaller(judgment: Judgment) -> bool:
    return judgment.relation is None or judgment.relation.scale < 1 / _FINER


def _says_more(ours: Facts, theirs: Facts) -> bool:
    return ours.profile > theirs.profile or ours.said > theirs.said == 0


def _is_less_compressed(own: Traits, kept: Traits, *, guess: bool) -> bool:
    """Whether a copy lost clearly less; by the bytes that are left if that may be guessed."""
    told = None not in (loss_of(own), loss_of(kept))
    return (told or guess) and least_lossy([kept, own]) == [own]


def _has_more_detail(own: Traits, kept: Traits, judgment: Judgment) -> bool:
    if judgment.relation is None or judgment.relation.scale <= _FINER:
        return False
    shown, share = judgment.evidence.covered
    least = _DETAIL * kept.detail * shown
    if pixels_in(own) * share <= least:
        return False  # it has not even as many pixels
    return own.detail * share > least
