"""Why a copy stays although another picture of its group is kept: it has what that one lacks."""

from collections.abc import Callable

from visus.images.facts import Facts
from visus.search.duplicates.keep import COLORS, WELL_EXPOSED, Keeping, color_of
from visus.search.duplicates.loss import least_lossy, loss_of, lost_colors, pixels_in
from visus.search.duplicates.opened import Traits
from visus.search.duplicates.relations import Judgment
from visus.search.duplicates.tones import crushed

CAPTION = "has another caption"
"""Why a copy with a mark stays beside others with other marks."""

NOTED = "has writing at its edge"
"""Why a copy stays that has writing where the kept picture is not: in a border, or in a last line."""

_FINER = 1.15  # pixels for each of the kept one, along a side, with which a copy may have more detail
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
    reasons: dict[str, Callable[[], bool]] = {
        "has further pictures": lambda: own.facts.frames > kept.facts.frames,
        "has further channels": lambda: own.facts.further > kept.facts.further,
        "has a video behind it": lambda: own.facts.video and not kept.facts.video,
        "has its colors": lambda: color_of(kept) < COLORS * color_of(own),
        "has more colors": lambda: lost_colors(kept, own, judgment.relation.color if judgment.relation else 0),
        "is not overexposed": lambda: -judgment.blown > 1 - WELL_EXPOSED,
        "has shades in its shadows": lambda: whole and crushed(kept.levels, own.levels) > 1 - WELL_EXPOSED,
        "has its date": lambda: own.facts.captured is not None and kept.facts.captured is None,
        "has more depth": lambda: own.facts.depth > kept.facts.depth,
        "has more metadata": lambda: by_rule and _says_more(own.facts, kept.facts),
        "is less compressed": lambda: (by_rule or not whole) and _is_less_compressed(own, kept, guess=by_rule),
        "has more detail": lambda: _has_more_detail(own, kept, judgment),  # the last, since it takes longest
    }
    return next((why for why, there in reasons.items() if there()), "")


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
