"""``visus suggest``: which pictures to label next, uncertain ones that differ from one another.

A probe on what is labeled says how probable each class is. Then pictures are drawn one after the other, as the first
middles of k-means are (Arthur and Vassilvitskii, "k-means++", SODA 2007), among the gradients that a picture would send
to the probe if its likeliest class were its label (Ash and others, "Deep batch active learning by diverse, uncertain
gradient lower bounds", ICLR 2020): these are long for uncertain pictures, and apart for pictures that differ. Where
nothing is labeled, they are drawn among the vectors themselves. A trained network may stand in for the probe; of one
that finds boxes or masks, pictures are drawn the rather the less sure it is of them (after Zhdanov, "Diverse mini-batch
active learning", 2019, where uncertainties weigh the points of k-means).
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.graphs.runs import decode
from visus.images import draw, read
from visus.images.result import Result
from visus.review.exporting import Form, export, export_objects
from visus.review.judging import Judge, Opinion, Proposal
from visus.review.looking import Looked, look
from visus.review.of_labels import can_be_judged
from visus.review.probe import probabilities
from visus.review.subject import Progress, Subject, subject, task_of, telling
from visus.review.twins import twins
from visus.search.describe import Embedder

Answer = TypeVar("Answer")
Floats = NDArray[np.float32]
_ON_THE_SHEET = 60
_TILE = 160  # pixels of a picture on the sheet
_SURE = 0.01  # of the largest uncertainty: what a picture weighs of which a network is sure


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A picture that should be labeled.

    Attributes:
        file: Its path.
        predicted_label: Its likeliest class; empty where nothing is labeled.
        probability: Of that class; None where nothing is labeled.
        margin: How much more probable that class is than the next one; None likewise.
        uncertainty: Of a network that finds boxes or masks: how unsure it is, see :attr:`Suggested.measure`; None of
            others.
        proposal: The boxes and masks that it proposes; None likewise.
    """

    file: str
    predicted_label: str = ""
    probability: float | None = None
    margin: float | None = None
    uncertainty: float | None = None
    proposal: Proposal | None = field(default=None, repr=False, compare=False)

    def describe(self) -> str:
        """What the picture probably shows, in words; empty where nobody tells."""
        if self.uncertainty is not None:
            return f"{self.uncertainty:.3f}" + (f", {self.proposal.describe()}?" if self.proposal else "")
        return f"{self.predicted_label} ({self.probability:.2f})?" if self.probability is not None else ""


@dataclass(frozen=True, slots=True)
class Suggested(Result):
    """Pictures to label next.

    Attributes:
        root: The folder that they come from.
        pictures: How many there are to choose from.
        classes: Names of the classes; none where nothing is labeled.
        suggestions: The most useful first.
        notes: What else a user should know, one sentence each.
        measure: What ``uncertainty`` is, in words; empty where there is none.
        masks: Whether a mask is proposed for each class, and the first class is what no mask covers.
        palette: A color for each class, red, green, blue, where something is proposed.
    """

    root: Path
    pictures: int
    classes: tuple[str, ...]
    suggestions: list[Suggestion]
    notes: list[str] = field(default_factory=list)
    measure: str = ""
    masks: bool = False
    palette: tuple[draw.Color, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "folder": str(self.root),
            "pictures": self.pictures,
            "classes": list(self.classes),
            "measure": self.measure,
            "suggestions": self.rows(),
            "notes": self.notes,
        }

    def rows(self) -> list[dict[str, Any]]:
        """The pictures as rows of a table."""
        return [
            {
                "file": own.file,
                "predicted_label": own.predicted_label,
                "probability": None if own.probability is None else round(own.probability, 4),
                "margin": None if own.margin is None else round(own.margin, 4),
                "uncertainty": None if own.uncertainty is None else round(own.uncertainty, 4),
                "proposed": own.proposal.counts if own.proposal else {},
                "shares": {k: round(v, 6) for k, v in own.proposal.shares.items()} if own.proposal else {},
            }
            for own in self.suggestions
        ]

    def drawn(self) -> "NDArray[np.uint8] | None":
        """The pictures with what is proposed, ``(H, W, 3)`` uint8; None where there are none."""
        shown = self.suggestions[:_ON_THE_SHEET]
        if not shown:
            return None
        pictures = [self._tile(own) for own in shown]
        names = [os.path.relpath(own.file, self.root) for own in shown]
        captions = ["\n".join(filter(None, (name, own.describe()))) for name, own in zip(names, shown, strict=True)]
        if self.masks:
            pictures.append(draw.legend(self.classes, self.palette, side=_TILE))
            captions.append("classes; the first is not drawn")
        return draw.contact_sheet(pictures, captions, tile=_TILE, title=str(self.root))

    def _tile(self, own: Suggestion) -> "NDArray[np.uint8]":
        """A picture under its boxes or masks."""
        if own.proposal is None:
            return read(own.file, min_side=240)
        picture, objects = read(own.file), own.proposal.objects
        colors = [self.palette[label] for label in objects.labels.tolist()]
        if not self.masks:
            names = [self.classes[label] for label in objects.labels.tolist()]
            return draw.boxes_on_tile(picture, objects.boxes, names, colors, side=_TILE)
        for color, shape in zip(colors, objects.shapes, strict=True):
            inside = decode(shape)[..., None]
            picture = np.where(inside, picture // 2 + np.array(color, np.uint8) // 2, picture)
        return draw.fit(picture, _TILE)

    def export(self, folder: str | os.PathLike[str], form: Form) -> None:
        """Write copies of the pictures with what they probably show, for an annotation tool.

        Args:
            folder: Where; it must be empty or not there yet.
            form: ``"label-studio"`` or ``"cvat"``.

        Raises:
            InputError: The folder holds something, or cannot be written.
        """
        place = Path(folder).expanduser()
        if objects := [own.proposal.objects for own in self.suggestions if own.proposal is not None]:
            classes = self.classes
            if self.masks:  # what no mask covers has no label, so that the other classes keep their numbers
                classes, objects = classes[1:], [replace(own, labels=own.labels - 1) for own in objects]
            export_objects([own.file for own in self.suggestions], objects, classes, place, form)
            return
        rows = [(own.file, own.predicted_label, own.probability or 0.0) for own in self.suggestions]
        export(rows, self.classes, place, form)

    def describe(self) -> str:
        """The same for people."""
        lines = [f"{self.root}: {len(self.suggestions):,} of {self.pictures:,} pictures to label next"]
        lines += ["  " + ": ".join(filter(None, (own.file, own.describe()))) for own in self.suggestions]
        return "\n".join([*lines, *self.notes])


def suggest(
    path: str | os.PathLike[str],
    *,
    labeled: str | os.PathLike[str] | None = None,
    judge: Judge | None = None,
    n: int = 50,
    model: str = "efficientnet_lite0",
    seed: int = 0,
    progress: Progress | None = None,
) -> Suggested:
    """Choose pictures to label next: those of which a probe is unsure, and that differ from one another.

    Args:
        path: Folder of pictures without labels.
        labeled: Pictures with classes (see :func:`visus.data.load`); None where nothing is labeled yet, so that
            pictures are chosen that differ alone.
        judge: A trained network in place of a probe (see :meth:`visus.Run.suggest`).
        n: How many.
        model: Network whose vectors the probe learns from, and which tell whether pictures differ; or a trained run.
        seed: Of the choice.
        progress: Called with what is done, how far, of how much.

    Raises:
        InputError: There are no pictures that can be read or that the judge can use, the labels are not one class for
            each picture, and two of two classes, or there are labels and a judge.
    """
    if n < 1:
        raise InputError(f"At least one picture must be asked for, not {n}.")
    if labeled is not None and judge is not None:
        raise InputError("Labeled pictures and a trained run both tell what is uncertain; leave one of them out.")
    pool = subject(path, task="none", progress=progress)
    known = _known(Path(labeled).expanduser(), progress) if labeled is not None else None
    embedder = Embedder(model, streams=cores())
    looked = look(pool.files, embedder=embedder, progress=telling(progress, "looking"))
    if not looked.measures:
        raise InputError(f"No picture of {pool.root} can be read; the first one: {looked.failures[0]}")
    about = (
        look(known.files, embedder=embedder, progress=telling(progress, "looking at labeled ones")) if known else None
    )
    notes = [_passed_over(len(looked.failures), "cannot be read")] if looked.failures else []
    open_ones = _open(looked, about, notes)
    files = [pool.files[place] for place in looked.places.tolist()]
    if judge:
        fine, opinions = _asked(
            judge.doubt, [files[place] for place in open_ones], notes, telling(progress, "asking the network")
        )
        open_ones = open_ones[fine]
    elif known and about:
        opinions = [Opinion(None, own) for own in _probabilities(known, about, looked.vectors[open_ones])]
    else:
        opinions = []
    chosen = spread(looked.vectors[open_ones], _push(opinions), n, weights=_weights(opinions), seed=seed).tolist()
    classes = judge.classes if judge else known.classes if known else ()
    suggestions = [_suggestion(files[open_ones[k]], opinions[k] if opinions else Opinion(), classes) for k in chosen]
    if judge and judge.propose:
        tell = telling(progress, "asking what it proposes")
        fine, proposed = _asked(judge.propose, [own.file for own in suggestions], notes, tell)
        suggestions = [replace(suggestions[k], proposal=own) for k, own in zip(fine, proposed, strict=True)]
    found = Suggested(pool.root, len(open_ones), classes, suggestions, notes)
    if judge is None:
        return found
    notes += _told(judge)
    return replace(found, measure=judge.measure, masks=judge.masks, palette=judge.palette)


def _told(judge: Judge) -> list[str]:
    """What a user should know of a network that was asked, one sentence each."""
    told = [f"The number is {judge.measure}."] if judge.measure else []
    if judge.masks:
        told.append(
            f"What no mask covers is {judge.classes[0]}; what people confirm is read back by visus data FOLDER --task "
            "segment."
        )
        if list(judge.classes[1:]) != sorted(judge.classes[1:]):
            told.append(
                "Label Studio's exports keep no order of classes, and come back sorted by name; CVAT's keep it."
            )
    return told


def _known(labeled: Path, progress: Progress | None) -> Subject:
    """The labeled pictures.

    Raises:
        InputError: They have boxes or masks.
    """
    drawn = {"detect": "boxes", "segment": "masks"}.get(task_of(labeled)) if labeled.exists() else None
    if drawn:
        raise InputError(
            f"A probe chooses pictures for classes, and {labeled} has {drawn}; train a network on it and say --run, or "
            "leave --labeled away, and pictures are chosen that differ."
        )
    return subject(labeled, task="classify", progress=progress)


def _open(looked: Looked, about: Looked | None, notes: list[str]) -> NDArray[np.int64]:
    """Places of pictures, the first of each that is there twice, that are not among the labeled ones."""
    first = about.digests if about else []
    hashes, cards = (
        np.concatenate([getattr(about, name), getattr(looked, name)]) if about else getattr(looked, name)
        for name in ("hashes", "cards")
    )
    pairs = twins([*first, *looked.digests], hashes, cards)
    gone = {pair.second - len(first) for pair in pairs if pair.second >= len(first)}
    if gone:
        same = (
            "is the same as another or as a labeled one" if len(gone) == 1 else "are the same as others or labeled ones"
        )
        notes.append(_passed_over(len(gone), same))
    return np.array([k for k in range(len(looked.digests)) if k not in gone], np.int64)


def _probabilities(known: Subject, about: Looked, vectors: Floats) -> Floats:
    """What a probe on the labeled pictures says of the others, ``(N, classes)`` float32.

    Raises:
        InputError: There are too few labels.
    """
    labels = None if known.labels is None else known.labels[about.places]
    if labels is None or not can_be_judged(labels, len(known.classes)):
        raise InputError(
            f"{known.root} needs ten pictures with one class each, and two of at least two classes; label some more, "
            "or leave --labeled away."
        )
    return probabilities(about.vectors, labels, len(known.classes), vectors)


def _asked(
    ask: Callable[[str], Answer], files: Sequence[str], notes: list[str], tell: Callable[[int, int], None] | None
) -> tuple[list[int], list[Answer]]:
    """The places of the files that a network can use, and its answers to them; notes count the others.

    Raises:
        InputError: It can use none.
    """
    fine, answers, first = [], [], ""
    for place, file in enumerate(files):
        try:
            answers.append(ask(file))
            fine.append(place)
        except InputError as error:
            first = first or str(error)
        if tell:
            tell(place + 1, len(files))
    if not fine:
        raise InputError(f"The network can use no picture; the first one: {first}")
    if len(fine) < len(files):
        notes.append(f"{_passed_over(len(files) - len(fine), 'cannot be used by the network')} The first: {first}")
    return fine, answers


def _passed_over(count: int, why: str) -> str:
    """A sentence on pictures that are not chosen from.

    >>> _passed_over(1, "cannot be read"), _passed_over(2000, "cannot be read")
    ('1 picture cannot be read and is passed over.', '2,000 pictures cannot be read and are passed over.')
    """
    return f"{count:,} {'picture' if count == 1 else 'pictures'} {why} and {'is' if count == 1 else 'are'} passed over."


def _push(opinions: Sequence[Opinion]) -> Floats | None:
    """How each class would be pushed if the likeliest were the label, ``(N, K)`` float32; None where nobody tells."""
    if not opinions or opinions[0].probabilities is None:
        return None
    pushed = np.array([own.probabilities for own in opinions], np.float32)
    pushed[np.arange(len(pushed)), pushed.argmax(1)] -= 1
    return pushed


def _weights(opinions: Sequence[Opinion]) -> Floats | None:
    """How unsure a network is of each picture, ``(N,)`` float32 above 0; None where no one is, or nobody tells."""
    if not opinions or opinions[0].uncertainty is None:
        return None
    unsure = np.array([own.uncertainty for own in opinions], np.float32)
    return np.maximum(unsure, _SURE * unsure.max()) if unsure.max() > 0 else None


def spread(
    vectors: Floats, push: Floats | None, n: int, *, weights: Floats | None = None, seed: int = 0
) -> NDArray[np.int64]:
    """Draw points that are long and apart, as k-means++ draws its first middles.

    Args:
        vectors: ``(N, D)`` float32.
        push: ``(N, K)`` float32: a point is the product of each entry with each of the vector; None for the vectors.
        n: How many.
        weights: ``(N,)`` float32 above 0: the rather a point is drawn; None for all alike.
        seed: Of the draw.

    Returns:
        ``(m,)`` int64, their places in the order of the draw, m at most n; fewer where the others are equal to these.
    """
    if not len(vectors):
        return np.empty(0, np.int64)
    random = np.random.default_rng(seed)
    pushed = np.ones((len(vectors), 1), np.float32) if push is None else push
    squares = (vectors**2).sum(1) * (pushed**2).sum(1)
    if weights is not None:
        start = np.argmax(weights)
    else:
        start = np.argmax(squares) if push is not None else np.argmin(((vectors - vectors.mean(0)) ** 2).sum(1))
    chosen = [int(start)]
    nearest = np.full(len(vectors), np.inf)
    while len(chosen) < min(n, len(vectors)):
        last = chosen[-1]
        product = (vectors @ vectors[last]) * (pushed @ pushed[last])
        nearest = np.minimum(nearest, np.maximum(squares + squares[last] - 2 * product, 0))
        nearest[chosen] = 0
        chances = nearest if weights is None else nearest * weights
        if chances.sum() <= 1e-12:
            break
        chosen.append(int(random.choice(len(vectors), p=chances / chances.sum())))
    return np.array(chosen, np.int64)


def _suggestion(file: str, opinion: Opinion, classes: Sequence[str]) -> Suggestion:
    if opinion.probabilities is None:
        return Suggestion(file, uncertainty=opinion.uncertainty)
    second, first = [0.0, *np.sort(opinion.probabilities).tolist()][-2:]
    return Suggestion(file, classes[int(opinion.probabilities.argmax())], first, first - second)
