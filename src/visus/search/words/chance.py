"""When a search by a word finds nothing: the best hit is no better than chance makes it.

A network gives every picture some probability for every word. Among pictures that do not show what a word names, the
odds p / (1 - p) of the likeliest follow a law of Pareto, as ``benchmarks/words.py`` measures on held-out classes of
ImageNet: in 1100 pictures it passes even odds for one word in twenty, in twice as many twice these odds. A word of
many kinds has as many chances, up to twenty: kinds that are alike have theirs together.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visus.search.words.engine import Chance

RATE = 0.05
"""Of words that no picture shows, the share for which something is found all the same."""

NOT_CERTAIN = "No picture shows it for certain"
"""How the sentence begins that says that nothing was found."""

_PICTURES = 1100  # among which the likeliest by chance has even odds, for one word in twenty
_KINDS = 20  # of a word, whose chances add up
_DIGITS = 4  # of a score that count: stored vectors are rounded, and a picture would miss itself

Row = dict[str, Any]


def least(pictures: int, kinds: int, *, chances: float | None = None) -> float:
    """The probability above which so many pictures come by chance, where none shows what a word names.

    Args:
        pictures: How many are searched.
        kinds: How many classes the word means.
        chances: How many of them pass by chance, on average; None for :data:`RATE`.

    >>> round(least(1100, 1), 3), round(least(100_000, 1), 3)
    (0.5, 0.989)
    """
    odds = pictures * min(kinds, _KINDS) / _PICTURES * RATE / (chances or RATE)
    return odds / (1 + odds)


def above(
    rows: Sequence[Row], min_score: float | None, chance: Callable[[], "Chance | None"]
) -> tuple[list[Row], str | None]:
    """The hits that count; where chance may have made the best of them, none, and a sentence on that.

    Where the best is better than chance, hits go on down to where one picture comes by chance.

    Args:
        rows: Hits with their ``score``, best first.
        min_score: Least score that was asked for; None for none.
        chance: Tells what comes by chance, of a search by a single word.
    """
    if min_score is not None:
        return [row for row in rows if round(row["score"], _DIGITS) >= min_score], None
    by_chance = chance() if rows else None
    if by_chance is None:
        return list(rows), None
    best = max(row["score"] for row in rows)
    if not _is_less(best, by_chance.certain):
        return [row for row in rows if not _is_less(row["score"], by_chance.likely)], None
    return [], (
        f"{NOT_CERTAIN}: the likeliest has a {by_chance.score} of {best:.3f}, and {by_chance.told}; "
        f"a least score of {by_chance.lowest} (--min-score, min_score) shows them all the same."
    )


def _is_less(score: float, limit: float) -> bool:
    return round(score, _DIGITS) < round(limit, _DIGITS)


def unshown(names: Sequence[str], best: Sequence[float], chances: Sequence["Chance | None"]) -> str | None:
    """A sentence on the words of a mixed query that no hit shows for certain; None where there are none.

    Args:
        names: The words that are to be found.
        best: For each, the best score of a hit for this word alone.
        chances: For each, what comes by chance.
    """
    told = zip(names, best, chances, strict=True)
    few = [f"{name} ({score:.3f})" for name, score, chance in told if chance and _is_less(score, chance.certain)]
    return f"No hit shows this for certain: {', '.join(few)}." if few else None
