"""Which picture of a group is kept: the one that shows all of the others, with more real detail and less loss."""

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from visus._errors import InputError
from visus.search.duplicates.decisions import Decision, Pair
from visus.search.duplicates.loss import (
    ENCODED,
    coarser,
    encoded_again,
    is_lossless,
    least_lossy,
    loss_of,
    lost_colors,
    lost_shades,
    pixels_in,
    told_loss,
)
from visus.search.duplicates.lying import UPRIGHT, Lying
from visus.search.duplicates.opened import Traits
from visus.search.duplicates.relations import Judgment
from visus.search.duplicates.rounding import explains

_SHOWS = 0.97  # of the largest part of the scene
_ONE_SIZE = math.log(1.1)  # pictures whose pixels differ by less are of one size
_DETAIL = 0.6  # of the most detail, in pixels
_ROUGH = 0.75  # of the differences between pixels of another one, below which a picture may be blurred
_SOFT = 0.3  # of its detail, below which it is, where both are of one size
_LARGER = 1.1  # times the pixels, from which a picture may be another one made larger
_SOURCES = 3  # smaller pictures of which it may have been made that are looked at, the largest
_ONE_SHAPE = 1.5  # pixels by which its sides may be beside those of the other
_FINELY_ENCODED = 0.8  # how surely a finer file was made of a JPEG; what was a JPEG before both crowds somewhat, too
_ITS_SOURCE = 0.5  # the same of what stores the pixels of a JPEG: 0.65 at least, and less beside other steps
_HIDES = {"recolored", "cropped", "bordered"}  # what JPEG has left in the pixels


COLORS = 0.35
"""Of the strongest spread of colors, with which a picture has its colors."""

WELL_EXPOSED = 0.98
"""Of the best exposed, with which a picture is well exposed."""

CONTRAST = 0.6
"""Of the strongest contrast, with which a picture has enough."""

DECIDED = "you decided to keep it"
"""Why a copy stays that was decided to stay beside another picture."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept of a group.

    Attributes:
        rule: ``"best"``; ``"largest"``: most pixels; ``"oldest"``: the oldest file.
        reference: A folder from which nothing ever goes, and whose pictures are kept first, without any links; None
            for none.
    """

    rule: str = "best"
    reference: Path | None = None

    def protects(self, path: str) -> bool:
        """Whether a file lies in the reference folder, whatever links lead to either."""
        return self.reference is not None and Path(os.path.realpath(path)).is_relative_to(self.reference)

    def check(self, paths: Iterable[str]) -> None:
        """Whether the reference folder holds one of some pictures: one that protects nothing is a mistake.

        Raises:
            InputError: It does not.
        """
        if self.reference is not None and not any(self.protects(path) for path in paths):
            raise InputError(
                f"No picture of the index lies in {self.reference}, so --keep folder: protects nothing; check the "
                "folder, or index it."
            )


def keeping(text: str | None) -> Keeping:
    """What is kept, from ``largest``, ``oldest`` or ``folder:PATH``.

    Raises:
        InputError: It is something else, or the folder is not there.
    """
    if text is None or text in ("best", "largest", "oldest"):
        return Keeping(text or "best")
    kind, _, folder = text.partition(":")
    if kind != "folder" or not folder:
        raise InputError(f"--keep takes best, largest, oldest or folder:PATH, not {text!r}.")
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise InputError(f"There is no folder {folder} whose pictures could be kept; check its name.")
    return Keeping("best", Path(os.path.realpath(place)))


def decided_to_stay(decisions: Mapping[Pair, Decision], contents: Set[bytes]) -> set[bytes]:
    """Contents of which someone decided that they stay beside another one.

    Args:
        decisions: What people decided about pairs.
        contents: What is there: where the other picture of a pair is gone, nothing holds this one.
    """
    pairs = (pair for pair, decision in decisions.items() if decision == "keep-both" and set(pair) <= contents)
    return {content for pair in pairs for content in pair}


def choose(hub: Traits, others: Sequence[tuple[Traits, Judgment]], wanted: Keeping) -> tuple[Traits, str]:
    """Which of some copies is kept, and why.

    Args:
        hub: One of them.
        others: The others, and how each was found to agree with the hub.
        wanted: What the user wants.

    Returns:
        The one to keep, and what speaks for it in a few words.
    """
    of_hub = _Place.of_hub([judgment for _, judgment in others])
    places = {id(traits): _Place.of(judgment).beside(of_hub) for traits, judgment in others}
    places[id(hub)] = of_hub
    left = [hub, *(traits for traits, _ in others)]
    reasons: list[str] = []
    for reason, step in _steps(places, wanted):
        if len(left) == 1:
            break
        kept = step(left)
        if len(kept) < len(left):
            reasons.append(reason)
        left = kept
    return left[0], ", ".join(reasons[:2])


@dataclass(frozen=True, slots=True)
class _Place:
    """What the hub tells of a copy.

    Attributes:
        extent: How much of the scene it shows; the hub's is about 1.
        share: Share of it that shows the scene, and no border.
        bordered: It has a border.
        marked: It has a mark.
        blown: How much more of it is overexposed than of the hub.
        changed: It was cut or framed, or has other tones than the hub.
        lies: How it lies beside the hub.
        same: Its pixels are the hub's.
        color: Mean difference of its colors from the hub's, in levels of 255.
    """

    extent: float
    share: float
    bordered: bool
    marked: bool
    blown: float
    changed: bool = False
    lies: Lying = UPRIGHT
    same: bool = False
    color: float = 0.0

    @classmethod
    def of(cls, judgment: Judgment) -> "_Place":
        found = judgment.evidence
        shown, share = found.covered
        extent = shown / share if found.outside[1] == "content" else shown
        bordered = found.outside[1] == "border"
        names = set(judgment.relation.names) if judgment.relation else set()
        return cls(
            extent,
            share if bordered else 1.0,
            bordered,
            marked=found.mark == "second",
            blown=judgment.blown,
            changed=bool(names & _HIDES),
            lies=judgment.relation.lies if judgment.relation else UPRIGHT,
            same=names == {"same pixels"},
            color=judgment.relation.color if judgment.relation else 0.0,
        )

    def beside(self, hub: "_Place") -> "_Place":
        """The same, with the border that it shares with a hub: it shows that one whole, and more than its scene."""
        if not hub.bordered or self.bordered or self.extent * _SHOWS <= hub.extent:
            return self
        return replace(self, extent=hub.extent, share=hub.extent / self.extent, bordered=True)

    @classmethod
    def of_hub(cls, judgments: Sequence[Judgment]) -> "_Place":
        found = [judgment.evidence for judgment in judgments]
        borders = [evidence.covered[0] for evidence in found if evidence.outside[0] == "border"]
        extent = max(borders, default=1.0)
        marked = any(evidence.mark == "first" for evidence in found)
        same = any(judgment.relation is not None and "same pixels" in judgment.relation.names for judgment in judgments)
        return cls(extent, extent, bool(borders), marked, 0.0, same=same)


Step = tuple[str, Callable[[list[Traits]], list[Traits]]]


def _steps(places: dict[int, _Place], wanted: Keeping) -> list[Step]:
    """What decides, one after the other."""

    def place(traits: Traits) -> _Place:
        return places[id(traits)]

    def age(traits: Traits) -> int:
        return -traits.member.mtime

    def not_enlarged(left: list[Traits]) -> list[Traits]:
        largest = sorted(left, key=pixels_in, reverse=True)

        def sources(own: Traits) -> list[Traits]:
            smaller = [other for other in largest if _LARGER * pixels_in(other) <= pixels_in(own)][:_SOURCES]
            return [other for other in smaller if _of_one_shape(own, other) and _upright(own, other, place)]

        return [own for own in left if not own.made_of(sources(own))]

    def more_detail(left: list[Traits]) -> list[Traits]:
        sizes: dict[int, list[Traits]] = {}
        for own in left:
            sizes.setdefault(round(math.log(pixels_in(own) * place(own).share) / _ONE_SIZE), []).append(own)
        sizes = {size: _not_blurred(own) for size, own in sizes.items()}
        if len(sizes) == 1:
            return next(iter(sizes.values()))
        most, kept = 0.0, dict[int, float]()
        for size in sorted(sizes, reverse=True):
            if max(pixels_in(own) * place(own).share for own in sizes[size]) < _DETAIL * most:
                continue  # fewer pixels than the detail needs that another one has
            kept[size] = min(own.detail * place(own).share for own in sizes[size])  # noise looks like detail
            most = max(most, kept[size])
        best = [own for size, detail in kept.items() if detail >= _DETAIL * most for own in sizes[size]]
        return [own for own in left if own in best]

    def apart(own: Traits, other: Traits) -> float:
        return max(place(own).color, place(other).color)

    def lost(own: Traits, other: Traits) -> bool:
        return _as_seen(own, other, place) is own and lost_colors(own, other, apart(own, other))

    def not_crushed(left: list[Traits]) -> list[Traits]:
        shares = [max(lost_shades(own, other, apart(own, other)) for other in left) for own in left]
        return [own for own, share in zip(left, shares, strict=True) if share <= min(shares) + 1 - WELL_EXPOSED]

    def all_colors(left: list[Traits]) -> list[Traits]:
        return [own for own in left if not any(lost(own, other) for other in left)]

    def as_source(traits: Traits) -> tuple[bool, bool, int]:
        facts = traits.facts
        dated = facts.captured is not None
        return dated, dated and facts.camera and not facts.edited, age(traits)

    def not_encoded_of(left: list[Traits]) -> list[Traits]:
        return [own for own in left if not any(_encodes(own, other, place) for other in left)]

    def likely_source(left: list[Traits]) -> list[Traits]:
        doubtful = [own for own in left if any(_may_hide(own, other, place) for other in left)]
        sure = [own for own in left if own not in doubtful]
        if not doubtful or not sure:
            return left
        return doubtful if max(map(as_source, doubtful)) > max(map(as_source, sure)) else sure

    def not_encoded_again(left: list[Traits]) -> list[Traits]:
        sure = [own for own in left if not encoded_again(own) or (place(own).same and is_lossless(own))]
        return [own for own in left if own in sure or all(_is_no_source(other, own, place) for other in sure)]

    first: list[Step] = []
    if wanted.reference is not None:
        first = [("in the reference folder", _best(lambda o: wanted.protects(o.member.path)))]
    if wanted.rule == "largest":
        first = [("most pixels", _best(pixels_in))]
    if wanted.rule == "oldest":
        first = [("oldest", _best(age))]
    return [
        *first,
        ("no raw file", _best(lambda o: o.facts.container != "RAW")),  # of which only the preview is compared
        ("shows more", _near(lambda o: place(o).extent, _SHOWS)),
        ("no border", _best(lambda o: not place(o).bordered)),
        ("no mark", _best(lambda o: not place(o).marked)),
        ("its colors", _near(color_of, COLORS)),
        ("not overexposed", _near(lambda o: 1 - place(o).blown, WELL_EXPOSED)),
        ("shades in its shadows", not_crushed),
        ("all colors", all_colors),
        ("more contrast", _near(lambda o: o.contrast, CONTRAST)),
        ("not enlarged", not_enlarged),
        ("more real detail", more_detail),
        ("likely the source", likely_source),
        ("not encoded again", not_encoded_of),
        ("less compressed", least_lossy),
        ("not encoded again", not_encoded_again),
        ("lossless", _best(is_lossless)),
        ("further pictures", _best(lambda o: o.facts.frames)),
        ("with its video", _best(lambda o: o.facts.video)),
        ("transparent", _best(lambda o: o.transparent)),
        ("more depth", _best(lambda o: o.facts.depth)),
        ("further channels", _best(lambda o: o.facts.further)),
        (
            "more metadata",
            _best(lambda o: ((o.facts.captured is not None) + o.facts.profile, len(o.facts.holds), o.facts.said)),
        ),
        ("more pixels", _best(pixels_in)),
        ("older", _best(age)),
        ("", _best(lambda o: tuple(-ord(sign) for sign in o.member.path))),
    ]


def _not_blurred(left: list[Traits]) -> list[Traits]:
    """Of pictures of one size, those that are not clearly softer than another one."""
    return [own for own in left if not any(softer(own, other) for other in left)]


def softer(own: Traits, other: Traits) -> bool:
    """Whether a picture was blurred; an encoder makes it hardly smoother, and what it adds only looks like detail."""
    return own.roughness < _ROUGH * other.roughness and own.detail < _SOFT * other.detail


def _may_hide(own: Traits, other: Traits, place: Callable[[Traits], _Place]) -> bool:
    """Whether a picture that says it is finer may have been made of another: what was done to it hides the steps."""
    if not coarser(loss_of(other) or 0, told_loss(own) or 0):
        return False
    if told_loss(own) is not None and _as_seen(own, other, place) is own:
        return not explains(own.blocks, other.blocks, loss_of(other) or 0)
    return pixels_in(own) > pixels_in(other) or place(own).changed or place(other).changed


def _encodes(own: Traits, other: Traits, place: Callable[[Traits], _Place]) -> bool:
    """Whether a picture that says it is finer, or does not say, is a JPEG's encoding in another format."""
    told, coarse = told_loss(own), told_loss(other) or 0
    if not coarse or not (told is None or coarser(coarse, told)):
        return False
    seen = _as_seen(own, other, place)
    return seen is not None and seen.encodes(other) >= (ENCODED if told is None else _FINELY_ENCODED)


def _is_no_source(jpeg: Traits, own: Traits, place: Callable[[Traits], _Place]) -> bool:
    """Whether a lossless picture that lost something was not made of this JPEG: both were made of another one."""
    seen = _as_seen(own, jpeg, place) if is_lossless(own) else None
    return seen is not None and seen.encodes(jpeg) < _ITS_SOURCE


def _of_one_shape(larger: Traits, smaller: Traits) -> bool:
    width, height = smaller.member.width, smaller.member.height
    across, down = larger.member.width / width, larger.member.height / height
    return abs(across - down) <= _ONE_SHAPE / min(width, height)


def _as_seen(own: Traits, other: Traits, place: Callable[[Traits], _Place]) -> Traits | None:
    """One picture with its pixels where another one has them; None where it has no such places."""
    return own.as_in(other, place(own).lies.back().then(place(other).lies))


def _upright(own: Traits, other: Traits, place: Callable[[Traits], _Place]) -> bool:
    return all(traits.upright and place(traits).lies == UPRIGHT for traits in (own, other))


def _best(value: Callable[[Traits], object]) -> Callable[[list[Traits]], list[Traits]]:
    """Keeps those of the greatest value."""

    def kept(left: list[Traits]) -> list[Traits]:
        values = [value(traits) for traits in left]
        most = max(values)  # pyright: ignore[reportArgumentType] - all of one kind
        return [traits for traits, own in zip(left, values, strict=True) if own == most]

    return kept


def _near(value: Callable[[Traits], float], share: float) -> Callable[[list[Traits]], list[Traits]]:
    """Keeps those whose value is at least a share of the greatest."""

    def kept(left: list[Traits]) -> list[Traits]:
        values = [value(traits) for traits in left]
        return [traits for traits, own in zip(left, values, strict=True) if own >= share * max(values)]

    return kept


def color_of(traits: Traits) -> float:
    """How much color a picture has, above 0 for a gray one too."""
    return traits.spread + 0.02
