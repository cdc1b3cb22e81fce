"""``visus check``: what is wrong with a set of pictures, and the table that says so."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visus._cores import cores
from visus._errors import InputError
from visus.images import draw, read
from visus.images.result import Result
from visus.review.findings import PROBLEMS, Finding, in_order, write_table
from visus.review.looking import Looked, look
from visus.review.neighbors import nearest
from visus.review.of_labels import can_be_judged, opinion_on, outliers, wrong_labels
from visus.review.of_marks import near_empty_masks, small_boxes
from visus.review.of_pictures import faults
from visus.review.of_twins import repeated
from visus.review.subject import Progress, Subject, Task, subject, telling
from visus.review.twins import twins
from visus.search.describe import Embedder

MODEL = "efficientnet_lite0"

_OF_TWINS = {"leak", "twin-other-label", "twin"}
_OF_PICTURES = {"blurred", "dark", "blown-out", "low-information", "odd-size", "odd-ratio"}
_UNEVEN = 5  # how many times as many pictures or objects the largest class may have as the smallest without a word
_ON_THE_SHEET = 60
CERTAINTY = 0.8
"""Of a wrong label, from which on it is named."""


@dataclass(frozen=True, slots=True)
class Checked(Result):
    """What was found in a set.

    Attributes:
        root: The folder or table.
        form: How the pictures lie there, in words.
        task: What the labels are for; None where there are none.
        pictures: How many there are, by split; all of them under an empty name where there are no splits.
        counts: Pictures or objects of each class.
        findings: The gravest problems first, and of each the gravest pictures.
        notes: What else a user should know, one sentence each.
    """

    root: Path
    form: str
    task: Task | None
    pictures: dict[str, int]
    counts: dict[str, int]
    findings: list[Finding]
    notes: list[str] = field(default_factory=list)

    def of(self, problem: str) -> list[Finding]:
        """The findings of one problem."""
        return [own for own in self.findings if own.problem == problem]

    def problems(self) -> dict[str, int]:
        """How many findings there are of each problem that was found."""
        found = Counter(own.problem for own in self.findings)
        return {name: found[name] for name in PROBLEMS if found[name]}

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "folder": str(self.root),
            "format": self.form,
            "task": self.task,
            "pictures": self.pictures,
            "counts": self.counts,
            "problems": self.problems(),
            "findings": self.rows(),
            "notes": self.notes,
        }

    def rows(self) -> list[dict[str, Any]]:
        """The findings as rows of a table."""
        return [own.to_dict() for own in self.findings]

    def drawn(self) -> "np.ndarray[Any, np.dtype[np.uint8]] | None":
        """The gravest of each problem, ``(H, W, 3)`` uint8; None where nothing was found."""
        each = max(1, _ON_THE_SHEET // max(1, len(self.problems())))
        shown, captions = [], []
        base = self.root.parent if self.root.is_file() else self.root
        for problem in self.problems():
            for own in [found for found in self.of(problem) if found.problem != "unreadable"][:each]:
                shown.append(read(base / own.file, min_side=240))
                captions.append(f"{own.problem}: {own.given_label or Path(own.file).name}")
        return draw.contact_sheet(shown, captions, tile=160, title=str(self.root)) if shown else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what the ending says: the table (.csv), the plain values (.json), or the gravest pictures (.png, .jpg).

        Args:
            path: Where. The table has columns for decisions, which ``visus train --without`` reads.

        Raises:
            InputError: The ending is another, or the place cannot be written or holds a table with decisions.
        """
        if Path(path).suffix.lower() == ".csv":
            write_table(self.findings, path)
        else:
            Result.save(self, path)

    def describe(self, *, top: int = 3) -> str:
        """The same for people.

        Args:
            top: How many pictures of each problem are named.
        """
        of_splits = ", ".join(f"{count:,} {split}" for split, count in self.pictures.items() if split)
        total = sum(self.pictures.values())
        lines = [f"{self.root}: {self.form}, {total:,} pictures{f' ({of_splits})' if of_splits else ''}"]
        for problem, count in self.problems().items():
            lines.append(f"{count:>7,}  {problem}: {PROBLEMS[problem]}")
            lines += [f"           {own.file}: {own.why}" for own in self.of(problem)[:top]]
        if not self.findings:
            lines.append("Nothing was found.")
        return "\n".join([*lines, *self.notes])


def check(
    path: str | os.PathLike[str],
    *,
    task: Task | Literal["none"] | None = None,
    only: Sequence[str] = (),
    model: str = MODEL,
    side: int | None = None,
    certainty: float = CERTAINTY,
    seed: int = 0,
    progress: Progress | None = None,
) -> Checked:
    """Look for what is wrong with pictures and their labels; nothing is changed.

    Args:
        path: A folder or table of pictures, with labels (see :func:`visus.data.load`, :func:`visus.data.load_masks`,
            :func:`visus.data.load_boxes`) or without.
        task: What the labels are for: ``"classify"``, ``"segment"`` or ``"detect"``; ``"none"`` passes them over, None
            recognizes them.
        only: Names of :data:`visus.review.findings.PROBLEMS` that are looked for; all by default.
        model: Network whose vectors tell what looks alike (see :class:`visus.search.describe.Embedder`), or a run.
        side: Shorter side to which a detector will bring the pictures; None for what ``visus train detect`` takes.
        certainty: From which on wrong labels are named, from 0.5 to 1.
        seed: Of the parts that the probe is asked about.
        progress: Called with what is done, how far, of how much.

    Raises:
        InputError: There are no such pictures, no such problem, or the certainty is beyond its bounds.
    """
    if not 0.5 <= certainty <= 1:
        raise InputError(f"The certainty of wrong labels must be from 0.5 to 1, not {certainty}.")
    strange = [name for name in only if name not in PROBLEMS]
    if strange:
        raise InputError(f"There is no problem {strange[0]!r}; known: {', '.join(PROBLEMS)}.")
    wanted = set(only) or set(PROBLEMS)
    own = subject(path, task=task, progress=progress)
    described = bool(wanted & {"wrong-label", "outlier"})
    embedder = Embedder(model, streams=cores()) if described else None
    looked = look(own.files, embedder=embedder, progress=telling(progress, "looking"))
    found, odd = faults(own, looked) if wanted & _OF_PICTURES else ([], [])
    found += _unreadable(own, looked)
    counts = _counts(own)
    notes = [*own.remarks, *odd, *_uneven(own, counts)]
    if wanted & _OF_TWINS:
        pairs = twins(looked.digests, looked.hashes, looked.cards, progress=telling(progress, "comparing"))
        found += repeated(own, looked, pairs)
    if described:
        found += _of_vectors(own, looked, wanted=wanted, certainty=certainty, seed=seed, notes=notes, progress=progress)
    if own.masks is not None:
        found += near_empty_masks(own)
    if own.boxes is not None:
        found += small_boxes(own, looked, side=side)
    findings = in_order([one for one in found if one.problem in wanted])
    return Checked(own.root, own.form, own.task, dict(Counter(own.splits)), counts, findings, notes)


def _of_vectors(
    own: Subject,
    looked: Looked,
    *,
    wanted: set[str],
    certainty: float,
    seed: int,
    notes: list[str],
    progress: Progress | None,
) -> list[Finding]:
    """Findings by the vectors of the pictures; what cannot be told is noted."""
    if len(looked.vectors) < 2:
        return []
    near = nearest(looked.vectors, progress=telling(progress, "neighbors"))
    found = outliers(own, looked, near[1]) if "outlier" in wanted else []
    if own.labels is None or "wrong-label" not in wanted:
        return found
    labels = own.labels[looked.places]
    if not can_be_judged(labels, len(own.classes)):
        notes.append(_unjudged(labels, own.classes))
        return found
    opinion = opinion_on(looked, labels, len(own.classes), near, seed=seed, progress=telling(progress, "probe"))
    return found + wrong_labels(own, looked, labels, opinion, least=certainty)


def _unjudged(labels: "np.ndarray[Any, np.dtype[np.int64]]", classes: Sequence[str]) -> str:
    """Why wrong labels are not looked for."""
    if len(labels) and (labels == labels[0]).all():
        return f"All pictures have the class {classes[int(labels[0])]}, so there are no wrong labels to look for."
    return "There are too few pictures of each class to look for wrong labels: ten, and two of at least two classes."


def _unreadable(own: Subject, looked: Looked) -> list[Finding]:
    """Files that cannot be used, where the labels were read or where the pictures were."""
    failed = {own.files[place]: why for place, why in looked.failures.items()}
    return [Finding(own.name_of(file), "unreadable", 1.0, why) for file, why in {**own.left_out, **failed}.items()]


def _counts(own: Subject) -> dict[str, int]:
    """Pictures of each class; of a set with boxes objects, of one with masks pictures whose mask holds it."""
    if own.boxes is not None:
        total = sum(own.boxes.counts(split) for split in own.boxes.splits)
    elif own.masks is not None:
        total = sum((own.masks.pixels[split] > 0).sum(0) for split in own.masks.splits)
    elif own.labels is not None:
        total = np.bincount(own.labels, minlength=len(own.classes))
    else:
        return {}
    return dict(zip(own.classes, np.asarray(total).tolist(), strict=True))


def _uneven(own: Subject, counts: dict[str, int]) -> list[str]:
    """One sentence where some class has many times as many pictures or objects as another."""
    if len(counts) < 2:
        return []
    least, most = min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name])
    if counts[most] < _UNEVEN * counts[least]:
        return []
    what = "objects" if own.boxes is not None else "pictures"
    return [f"The classes are uneven: {most} has {counts[most]:,} {what}, {least} {counts[least]:,}."]
