"""When a search by a word finds nothing: the best hit is no better than chance makes it.

A network gives every picture some probability for every word. Among pictures that do not show what a word names, the
odds p / (1 - p) of the likeliest follow a law of Pareto, as ``benchmarks/words.py`` measures on held-out classes of
ImageNet: in 1100 pictures it passes even odds for one word in twenty, in twice as many twice these odds. A word of
many kinds has as many chances, up to twenty: kinds that are alike have theirs together.
"""

from collections.abc import Sequence
from typing import Any

from visus.search.segments import Named, Query
from visus.search.words.vocabulary import imagenet

RATE = 0.05
"""Of words that no picture shows, the share for which something is found all the same."""

NOT_CERTAIN = "No picture shows it for certain"
"""How the sentence begins that says that nothing was found."""

_PICTURES = 1100  # among which the likeliest by chance has even odds, for one word in twenty
_KINDS = 20  # of a word, whose chances add up
_DIGITS = 4  # of a score that count: stored vectors are rounded, and a picture would miss itself

Row = dict[str, Any]


def least(pictures: int, kinds: int, *, chances: float = RATE) -> float:
    """The probability above which so many pictures come by chance, where none shows what a word names.

    Args:
        pictures: How many are searched.
        kinds: How many classes the word means.
        chances: How many of them pass by chance, on average.

    >>> round(least(1100, 1), 3), round(least(100_000, 1), 3)
    (0.5, 0.989)
    """
    odds = pictures * min(kinds, _KINDS) / _PICTURES * RATE / chances
    return odds / (1 + odds)


def above(rows: Sequence[Row], min_score: float | None, query: Query, pictures: int) -> tuple[list[Row], str | None]:
    """The hits that count; where chance may have made the best of them, none, and a sentence on that.

    Where the best is better than chance, hits go on down to where one picture comes by chance.

    Args:
        rows: Hits with their ``score``, best first.
        min_score: Least score that was asked for; None for none.
        query: What asked.
        pictures: How many were searched.
    """
    if min_score is not None:
        return [row for row in rows if round(row["score"], _DIGITS) >= min_score], None
    if not rows or not isinstance(query, Named) or query.layer.vocabulary is not imagenet():
        return list(rows), None
    certain = least(pictures, len(query.kinds))
    if max(row["score"] for row in rows) >= certain:
        likely = least(pictures, len(query.kinds), chances=1)
        return [row for row in rows if row["score"] >= likely], None
    return [], (
        f"{NOT_CERTAIN}: the likeliest has a probability of {rows[0]['score']:.3f}, and among {pictures:,} pictures "
        f"{certain:.3f} may be chance; --min-score 0 shows them all the same."
    )


def unshown(names: Sequence[str], chances: Sequence[float], kinds: Sequence[int], pictures: int) -> str | None:
    """A sentence on the words of a mixed query that no hit shows for certain; None where there are none.

    Args:
        names: The words that are to be found.
        chances: For each, the probability that some hit shows it.
        kinds: For each, how many classes it means.
        pictures: How many were searched.
    """
    told = zip(names, chances, kinds, strict=True)
    few = [f"{name} ({chance:.3f})" for name, chance, count in told if chance < least(pictures, count)]
    return f"No hit shows this for certain: {', '.join(few)}." if few else None
