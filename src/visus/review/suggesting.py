"""``visus suggest``: which pictures to label next, uncertain ones that differ from one another.

A probe on what is labeled says how probable each class is. Then pictures are drawn one after the other, as the first
middles of k-means are (Arthur and Vassilvitskii, "k-means++", SODA 2007), among the gradients that a picture would send
to the probe if its likeliest class were its label (Ash and others, "Deep batch active learning by diverse, uncertain
gradient lower bounds", ICLR 2020): these are long for uncertain pictures, and apart for pictures that differ. Where
nothing is labeled, they are drawn among the vectors themselves.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.images import draw, read
from visus.images.result import Result
from visus.review.exporting import Form, export
from visus.review.looking import Looked, look
from visus.review.of_labels import can_be_judged
from visus.review.probe import probabilities
from visus.review.subject import Progress, Subject, subject, task_of, telling
from visus.review.twins import twins
from visus.search.describe import Embedder

Floats = NDArray[np.float32]
_ON_THE_SHEET = 60


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A picture that should be labeled.

    Attributes:
        file: Its path.
        predicted_label: Its likeliest class; empty where nothing is labeled.
        probability: Of that class; None where nothing is labeled.
        margin: How much more probable that class is than the next one; None likewise.
    """

    file: str
    predicted_label: str = ""
    probability: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Suggested(Result):
    """Pictures to label next.

    Attributes:
        root: The folder that they come from.
        pictures: How many there are to choose from.
        classes: Names of the classes; none where nothing is labeled.
        suggestions: The most useful first.
        notes: What else a user should know, one sentence each.
    """

    root: Path
    pictures: int
    classes: tuple[str, ...]
    suggestions: list[Suggestion]
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "folder": str(self.root),
            "pictures": self.pictures,
            "classes": list(self.classes),
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
            }
            for own in self.suggestions
        ]

    def drawn(self) -> "NDArray[np.uint8] | None":
        """The pictures, ``(H, W, 3)`` uint8; None where there are none."""
        shown = self.suggestions[:_ON_THE_SHEET]
        captions = [own.predicted_label or Path(own.file).name for own in shown]
        pictures = [read(own.file, min_side=240) for own in shown]
        return draw.contact_sheet(pictures, captions, tile=160, title=str(self.root)) if shown else None

    def export(self, folder: str | os.PathLike[str], form: Form) -> None:
        """Write copies of the pictures with their likeliest classes, for an annotation tool.

        Args:
            folder: Where; it must be empty or not there yet.
            form: ``"label-studio"`` or ``"cvat"``.

        Raises:
            InputError: The folder holds something, or cannot be written.
        """
        rows = [(own.file, own.predicted_label, own.probability or 0.0) for own in self.suggestions]
        export(rows, self.classes, Path(folder).expanduser(), form)

    def describe(self) -> str:
        """The same for people."""
        lines = [f"{self.root}: {len(self.suggestions):,} of {self.pictures:,} pictures to label next"]
        for own in self.suggestions:
            said = f": {own.predicted_label} ({own.probability:.2f})?" if own.probability is not None else ""
            lines.append(f"  {own.file}{said}")
        return "\n".join([*lines, *self.notes])


def suggest(
    path: str | os.PathLike[str],
    *,
    labeled: str | os.PathLike[str] | None = None,
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
        n: How many.
        model: Network whose vectors the probe learns from, or a trained run.
        seed: Of the choice.
        progress: Called with what is done, how far, of how much.

    Raises:
        InputError: There are no pictures that can be read, or the labels are not one class for each picture, and two
            of two classes.
    """
    if n < 1:
        raise InputError(f"At least one picture must be asked for, not {n}.")
    pool = subject(path, task="none", progress=progress)
    known = _known(Path(labeled).expanduser(), progress) if labeled is not None else None
    embedder = Embedder(model, streams=cores())
    looked = look(pool.files, embedder=embedder, progress=telling(progress, "looking"))
    if not looked.measures:
        raise InputError(f"No picture of {pool.root} can be read; the first one: {looked.failures[0]}")
    about = (
        look(known.files, embedder=embedder, progress=telling(progress, "looking at labeled ones")) if known else None
    )
    notes = [f"{len(looked.failures):,} pictures cannot be read and are passed over."] if looked.failures else []
    open_ones = _open(looked, about, notes)
    vectors = looked.vectors[open_ones]
    classes = _probabilities(known, about, vectors) if known and about else None
    chosen = spread(vectors, None if classes is None else _push(classes), n, seed=seed)
    suggestions = [
        _suggestion(pool, int(looked.places[open_ones[k]]), None if classes is None else classes[k], known)
        for k in chosen.tolist()
    ]
    return Suggested(pool.root, len(open_ones), known.classes if known else (), suggestions, notes)


def _known(labeled: Path, progress: Progress | None) -> Subject:
    """The labeled pictures.

    Raises:
        InputError: They have boxes or masks.
    """
    drawn = {"detect": "boxes", "segment": "masks"}.get(task_of(labeled)) if labeled.exists() else None
    if drawn:
        raise InputError(
            f"A probe chooses pictures for classes, and {labeled} has {drawn}; leave --labeled away, and pictures are "
            f"chosen that differ, which are good to draw {drawn} on, too."
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
        notes.append(f"{len(gone):,} are the same as others or as labeled ones, and are passed over.")
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


def _push(classes: Floats) -> Floats:
    """How each class would be pushed if the likeliest were the label, ``(N, classes)`` float32."""
    pushed = classes.copy()
    pushed[np.arange(len(classes)), classes.argmax(1)] -= 1
    return pushed


def spread(vectors: Floats, push: Floats | None, n: int, *, seed: int = 0) -> NDArray[np.int64]:
    """Draw points that are long and apart, as k-means++ draws its first middles.

    Args:
        vectors: ``(N, D)`` float32.
        push: ``(N, K)`` float32: a point is the product of each entry with each of the vector; None for the vectors.
        n: How many.
        seed: Of the draw.

    Returns:
        ``(m,)`` int64, their places in the order of the draw, m at most n; fewer where the others are equal to these.
    """
    if not len(vectors):
        return np.empty(0, np.int64)
    random = np.random.default_rng(seed)
    weights = np.ones((len(vectors), 1), np.float32) if push is None else push
    squares = (vectors**2).sum(1) * (weights**2).sum(1)
    start = np.argmax(squares) if push is not None else np.argmin(((vectors - vectors.mean(0)) ** 2).sum(1))
    chosen = [int(start)]
    nearest = np.full(len(vectors), np.inf)
    while len(chosen) < min(n, len(vectors)):
        last = chosen[-1]
        product = (vectors @ vectors[last]) * (weights @ weights[last])
        nearest = np.minimum(nearest, np.maximum(squares + squares[last] - 2 * product, 0))
        nearest[chosen] = 0
        if nearest.sum() <= 1e-12:
            break
        chosen.append(int(random.choice(len(vectors), p=nearest / nearest.sum())))
    return np.array(chosen, np.int64)


def _suggestion(pool: Subject, place: int, classes: Floats | None, known: Subject | None) -> Suggestion:
    if classes is None or known is None:
        return Suggestion(pool.files[place])
    second, first = np.sort(classes)[-2:].tolist()
    return Suggestion(pool.files[place], known.classes[int(classes.argmax())], first, first - second)
