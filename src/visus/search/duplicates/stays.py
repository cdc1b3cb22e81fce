"""Why a copy stays although another picture of its group is kept: it has what that one lacks."""

from collections.abc import Callable

from visus.search.duplicates.keep import COLORS, WELL_EXPOSED, color_of
from visus.search.duplicates.loss import coarser, loss_of, pixels_in
from visus.search.duplicates.opened import Traits
from visus.search.duplicates.relations import Judgment

CAPTION = "has another caption"
"""Why a copy with a mark stays beside others with other marks."""

_FINER = 1.25  # pixels for each of the kept one, along a side, with which a copy may have more detail
_DETAIL = 1.6  # times the detail of the kept one, with which a copy stays
_FEW_COLORS = 0.7  # levels by which colors differ where a palette lost some


def has_more(own: Traits, kept: Traits, judgment: Judgment) -> str:
    """Why a copy stays that has what the kept picture lacks; empty where it has not.

    Args:
        own: Of the copy.
        kept: Of the picture that is kept.
        judgment: How the copy agrees with it.
    """
    reasons: dict[str, Callable[[], bool]] = {
        "has further pictures": lambda: own.facts.frames > kept.facts.frames,
        "has further channels": lambda: own.facts.further > kept.facts.further,
        "has a video behind it": lambda: own.facts.video and not kept.facts.video,
        "has its colors": lambda: color_of(kept) < COLORS * color_of(own),
        "has more colors": lambda: _lost_colors(own, kept, judgment),
        "is not overexposed": lambda: -judgment.blown > 1 - WELL_EXPOSED,
        "is less compressed": lambda: judgment.evidence.outside[0] != "nothing" and _is_less_compressed(own, kept),
        "has more detail": lambda: _has_more_detail(own, kept, judgment),  # the last, since it takes longest
    }
    return next((why for why, there in reasons.items() if there()), "")


def _lost_colors(own: Traits, kept: Traits, judgment: Judgment) -> bool:
    """Whether the kept picture has few colors, and lost some of them."""
    fewer = kept.facts.colors > 0 and not 0 < own.facts.colors <= kept.facts.colors
    return fewer and judgment.relation is not None and judgment.relation.color > _FEW_COLORS


def _is_less_compressed(own: Traits, kept: Traits) -> bool:
    ours, theirs = loss_of(own), loss_of(kept)
    return ours is not None and theirs is not None and coarser(theirs, ours)


def _has_more_detail(own: Traits, kept: Traits, judgment: Judgment) -> bool:
    if judgment.relation is None or judgment.relation.scale <= _FINER:
        return False
    shown, share = judgment.evidence.covered
    least = _DETAIL * kept.detail * shown
    if pixels_in(own) * share <= least:
        return False  # it has not even as many pixels
    return own.detail * share > least
