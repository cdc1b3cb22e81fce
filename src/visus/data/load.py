"""Bring in labeled pictures, whatever their format, in splits."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data import check
from visus.data.folder import (
    Named,
    inner_folder_of_classes,
    names_of_classes,
    read_folder,
    splits_of,
    to_pictures,
    unwrapped,
)
from visus.data.foreign import foreign, mend_of
from visus.data.idx import idx_files, read_idx
from visus.data.kinds import kind_of, refuse_flaws, refuse_foreign, refuse_other_task
from visus.data.layout_words import PICTURES, is_layout
from visus.data.left_out import LeftOut, Notes, refuse_many, remarks_on, remarks_on_mends
from visus.data.listed_splits import with_listed_splits
from visus.data.near import Card, leaks
from visus.data.picture_labels import labels_of_pictures
from visus.data.samples import LabelSet, Pictures, counted, said_of_alike, said_of_unmeasured
from visus.data.split import must_leave_some, strata, stratified
from visus.data.splits import folders_in, seen_through
from visus.data.synsets import words_of
from visus.data.table import read_table, read_tables, says_otherwise
from visus.data.table_places import is_table, roboflow_tables, table_in, tables_of_splits, why_none
from visus.data.unused import unused
from visus.data.without import Decided, name_of, read_decided

Progress = Callable[[int, int], None]


def load(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    multilabel: bool = False,
    allow_bad: bool = False,
    without: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> LabelSet:
    """Labeled pictures from a folder or a table; the format is recognized.

    * ``PATH/{train,val,test}/CLASS/*.jpg``, where val and test may be missing;
    * ``PATH/CLASS/*.jpg``, which is split here;
    * a table, or a folder of pictures with a ``labels.csv`` or ``metadata.csv``: columns ``file``, ``class`` and
      perhaps ``split``, or a column of zeros and ones for each class (Roboflow's ``_classes.csv``);
    * idx files as MNIST has them.

    Where a table plainly gives pictures several classes (several ones on a line, lists such as ``red|round``), each
    picture has a row of zeros and ones in place of one class; ``multilabel`` asks for that.

    Splits may be spelled as in :data:`visus.data.splits.SPELLINGS`. Files that are not used are counted in a remark.

    Where there is no val split, it is taken from train; where there is no split at all, test is too. The cut is
    seeded and stratified, and copies of one picture stay together. Every picture is decoded once: what cannot be
    read is left out and said.

    Args:
        path: Folder or CSV file.
        seed: Of the split.
        val: Share of the pictures that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        multilabel: Whether a picture may have several classes, or none; tables alone say so.
        allow_bad: Whether to go on where more than a tenth of the files, or half of a class, cannot be used.
        without: Table of ``visus check``, which leaves pictures out or gives them another class.
        progress: Called with how many pictures were looked at, of how many.

    Raises:
        InputError: The format is not recognized, is one of another task, a class is empty, there is one class only, a
            split has a class that train has not, too many files cannot be used, or ``val`` and ``test`` leave nothing
            to train on.
    """
    must_leave_some(val, test)
    read = _read(Path(path).expanduser(), multilabel=multilabel)
    if without is not None:
        read = _decided(read, read_decided(without, Path(path).expanduser()))
    dataset = ready_labels(_checked(read, progress, strict=not allow_bad), path, seed=seed, val=val, test=test)
    dataset.remarks.extend(leaks(dataset.digests, dataset.cards))
    return dataset


def ready_labels(found: LabelSet, path: str | os.PathLike[str], *, seed: int, val: float, test: float) -> LabelSet:
    """A set as training takes it: cut where splits are missing, with remarks on what cannot be learned or measured.

    Args:
        found: The set as it lies; without splits, its one split is called ``""``.
        path: What the user called it.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.

    Raises:
        InputError: There is one class only, or no part that can be measured.
    """
    dataset = _split(found, seed, val, test)
    if len(dataset.classes) < 2 and not dataset.multilabel:
        what = foreign(dataset.root) if dataset.root.is_dir() else ""
        raise InputError(
            f"{path} has one class only ({', '.join(dataset.classes)}); a classifier needs at least two"
            f"{f'. It is {what}, which is not read; {mend_of(what)}' if what else ''}."
        )
    if dataset.multilabel and not dataset.counts("val").any():
        raise InputError(f"No picture of the split val in {path} has a class; nothing can be measured there.")
    dataset.remarks.extend(said_of_unmeasured(dataset.classes, dataset.counts("train"), dataset.counts("val")))
    mend = "--balance weights" if dataset.multilabel else "--balance weights or --balance sampling"
    sentence = check.imbalance(dataset.counts("train"), dataset.classes, mend=mend)
    if sentence:
        dataset.remarks.append(sentence)
    return dataset


def load_whole(path: str | os.PathLike[str], *, multilabel: bool = False, progress: Progress | None = None) -> LabelSet:
    """Labeled pictures in the splits that are there, or in one called ``all``; nothing is cut.

    Args:
        path: Folder or CSV file.
        multilabel: As for :func:`load`.
        progress: Called with how many pictures were looked at, of how many.

    Raises:
        InputError: The format is not recognized, or a class is empty.
    """
    dataset = _checked(_read(Path(path).expanduser(), whole=True, multilabel=multilabel), progress)
    splits = {split or "all": pictures for split, pictures in dataset.splits.items()}
    digests = {split or "all": found for split, found in dataset.digests.items()}
    cards = {split or "all": found for split, found in dataset.cards.items()}
    dataset.remarks.extend(leaks(digests, cards))
    return replace(dataset, splits=splits, digests=digests, cards=cards)


def classes_in(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of the classes of labeled pictures, of which none is decoded.

    Args:
        path: Folder or CSV file.

    Raises:
        InputError: The format is not recognized, or a class is empty.
    """
    return _read(Path(path).expanduser(), whole=True).classes


def _read(path: Path, *, whole: bool = False, multilabel: bool = False) -> LabelSet:
    """The data set as it lies on the disk; the split is called ``""`` where there are none."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the spelling of the path.")
    notes = Notes()
    if path.is_file():
        if not is_table(path):
            refuse_foreign(path)
            raise InputError(f"{path} is neither a folder nor a CSV file; give one of these.")
        named = read_table(path, path.parent, notes, multilabel=multilabel)
        return _named(path, "pictures listed in a table", named, whole, notes)
    if idx_files(path):
        _refuse_multilabel(path, "idx files", multilabel)
        classes, splits = read_idx(path, whole=whole)
        gray = all(pictures.arrays is not None and pictures.arrays.ndim == 3 for pictures in splits.values())
        return LabelSet(path, "idx files", classes, splits, gray)
    root = seen_through(path)
    form, named = _recognized(root, path, notes, multilabel)
    used = [file for files, _ in named.values() for file in files]
    notes.remarks += unused(root, used, expected=_BESIDE)
    return _named(root, form, named, whole, notes)


def _decided(dataset: LabelSet, decided: Decided) -> LabelSet:
    """The set without what a table leaves out, and with its new classes.

    Raises:
        InputError: The pictures have no files, or may have several classes; or the table does not fit.
    """
    if any(pictures.arrays is not None for pictures in dataset.splits.values()):
        raise InputError(f"The pictures of {dataset.root} lie in one file, and {decided.table} names files; leave it.")
    if decided.labels and dataset.multilabel:
        raise InputError(f"{decided.table} gives one class to pictures that may have several; change these in the set.")
    said = decided.said([file for own in dataset.splits.values() for file in own.files], classes=True)
    place = {name: k for k, name in enumerate(dataset.classes)}
    strange = sorted({label for label in decided.labels.values() if label not in place})
    if strange:
        raise InputError(f"{decided.table} gives the class {strange[0]!r}, which {dataset.root} has not; mend it.")
    splits = {}
    for split, pictures in dataset.splits.items():
        labels = pictures.labels.copy()
        for k, file in enumerate(pictures.files if decided.labels else []):
            if new := decided.labels.get(name_of(file, decided.root)):
                labels[k] = place[new]
        splits[split] = Pictures(labels, pictures.files).take(np.flatnonzero(decided.stays(pictures.files)))
    return replace(dataset, splits=splits, remarks=[*dataset.remarks, *said])


def has_classes(path: Path) -> bool:
    """Whether a folder holds pictures with classes, in one of the forms that :func:`load` reads.

    Raises:
        InputError: It is not known which folders are the classes.
    """
    root = seen_through(path)
    if roboflow_tables(root) or tables_of_splits(root) or table_in(root) or idx_files(path):
        return True
    named = names_of_classes(root) or inner_folder_of_classes(root)
    return bool(named or labels_of_pictures(root, Notes()))


def refuse_classes(root: Path) -> None:
    """Send a set of pictures with classes to its own command, where boxes or masks were wanted.

    Args:
        root: The folder.

    Raises:
        InputError: It is such a set.
    """
    if has_classes(root):
        raise InputError(f"{root} is a set for another task (pictures with classes); say visus train classify {root}.")


_BESIDE = (
    ".csv",
    ".xml",
    ".tsv",
    ".jsonl",
    ".json",
    ".txt",
    ".md",
    ".html",
    ".rst",
    ".pdf",
    ".bib",
    ".yaml",
    ".yml",
    "",
)
"""Endings of lists and papers that come with pictures."""


_LARGEST = 8 << 20  # bytes of a table that is compared with the folders beside it


def _refuse_multilabel(path: Path, form: str, multilabel: bool) -> None:
    """Refuse several classes a picture where a form cannot say so.

    Raises:
        InputError: They are asked for.
    """
    if multilabel:
        raise InputError(f"{path} holds {form}, which give a picture one class; leave --multilabel, or bring a table.")


def _recognized(root: Path, given: Path, notes: Notes, multilabel: bool) -> tuple[str, Named]:
    """The form of a folder in words, and its pictures by split and class."""
    refuse_flaws(root)
    if tables := roboflow_tables(root):
        return "Roboflow's _classes.csv", read_tables(tables, root, notes, multilabel=multilabel)
    unclear = None
    try:
        names = names_of_classes(root)
    except InputError as error:
        names, unclear = [], error
    if len(names) > 1:
        return _of_folders(root, root, given, notes, multilabel)
    if told := _listed(root, notes, multilabel) or labels_of_pictures(root, notes, multilabel=multilabel):
        return told
    if unclear:
        raise unclear
    if names:
        return _of_folders(unwrapped(root), root, given, notes, multilabel)
    inner = inner_folder_of_classes(root)
    place = unwrapped(inner) if inner else None
    if not (place and splits_of(place) and kind_of(root) is None):  # files of a kit beside it tell nothing then
        refuse_other_task(root, "classify")
    if place:
        return _of_folders(place, root, given, notes, multilabel)
    raise InputError(
        f"{root} holds no labeled pictures; lay them out as CLASS/*.jpg or train/CLASS/*.jpg, or list them in a "
        f"CSV file with the columns file and class{why_none(root)}."
    )


def _listed(root: Path, notes: Notes, multilabel: bool) -> tuple[str, Named] | None:
    """What tables tell: those of splits, one for all, or those in the one folder of pictures (``data/train/...``)."""
    tables, table = tables_of_splits(root), table_in(root)
    inner = [own for own in folders_in(root) if own.name.lower() in PICTURES]
    if table and not tables:
        return f"pictures listed in {table.name}", read_table(table, root, notes, multilabel=multilabel)
    if not tables and len(inner) == 1:
        tables = tables_of_splits(inner[0])
    if not tables:
        return None
    form = f"pictures listed in a {next(iter(tables.values())).name} for each split"
    return form, read_tables(tables, root, notes, multilabel=multilabel)


def _of_folders(place: Path, root: Path, given: Path, notes: Notes, multilabel: bool) -> tuple[str, Named]:
    _refuse_multilabel(root, "folders of classes", multilabel)
    what = "splits" if splits_of(place) else "classes"
    inner = place.relative_to(given)
    if not all(map(is_layout, inner.parts)):
        notes.remarks.append(f"The folders in {inner} are taken as the {what}.")
    named, used = with_listed_splits(read_folder(place, root, notes), place, root, notes)
    table = table_in(root, largest=_LARGEST)
    if table and table not in used and says_otherwise(table, named):
        notes.remarks.append(
            f"{table.name} gives most pictures other classes than their folders do, and is not used; name {table} to "
            "learn its classes."
        )
    return f"folders of classes{', in splits' if what == 'splits' else ''}", named


def _named(path: Path, form: str, named: Named, whole: bool, notes: Notes) -> LabelSet:
    """From class names to numbers; train says which classes there are."""
    if "" in named and len(named) > 1:
        raise InputError(f"{path} gives some pictures a split and others none; give all of them one.")
    if "" not in named and "train" not in named and not whole:
        first = f" (the first line that is left out: {notes.left_out[0].reason})" if notes.left_out else ""
        raise InputError(f"{path} has no pictures in the split train{first}; add some.")
    leading = named.get("") or named.get("train") or next(iter(named.values()))
    classes = tuple(sorted({name for own in leading[1] for name in own}))
    for name in classes:
        if not name.isprintable() or name.encode("utf-8", "ignore").decode() != name:
            shown = name.encode("utf-8", "backslashreplace").decode()
            raise InputError(f"The class {shown!r} in {path} has a name that is not UTF-8 text; rename its folder.")
    if not classes:
        raise InputError(f"{path} holds no classes to learn; add a folder of pictures for each.")
    for split, (_, names) in named.items():
        strange = sorted({name for own in names for name in own} - set(classes))
        if strange:
            raise InputError(
                f"The split {split} of {path} has the class {strange[0]!r}, which train has not; the classes are "
                f"{', '.join(classes)}."
            )
    remarks = [*notes.remarks, *remarks_on_mends(notes.mends, "picture")]
    remarks += said_of_alike(classes)
    several = notes.multilabel
    splits = {split: to_pictures(pair, classes, multilabel=several) for split, pair in named.items()}
    form += ", several classes a picture" if several else ""
    words = words_of(classes, path if path.is_dir() else path.parent)
    return LabelSet(path, form, classes, splits, remarks=remarks, left_out=notes.left_out, words=words)


def _checked(dataset: LabelSet, progress: Progress | None, *, strict: bool = False) -> LabelSet:
    """Leave out what cannot be read, and say so; note the hash of each picture that can.

    Raises:
        InputError: A class is left without pictures, or, where it is strict, too many cannot be used.
    """
    total = sum(len(pictures) for pictures in dataset.splits.values()) + len(dataset.left_out)
    splits: dict[str, Pictures] = {}
    digests: dict[str, list[bytes]] = {}
    cards: dict[str, list[Card]] = {}
    left_out: list[LeftOut] = [*dataset.left_out]
    wide = 0
    lost = np.zeros((2, len(dataset.classes)), np.int64)  # pictures of each class that cannot be used, and all
    done = 0
    for split, pictures in dataset.splits.items():
        start = done
        found = check.look(pictures, progress=(lambda k, _, s=start: progress(s + k, total)) if progress else None)
        done += len(pictures)
        splits[split] = pictures if len(found.readable) == len(pictures) else pictures.take(found.readable)
        digests[split], cards[split] = found.digests, found.cards
        left_out += found.left_out
        wide += found.stretched
        there, kept = (p.counts(len(dataset.classes)) for p in (pictures, splits[split]))
        lost += np.stack([there - kept, there])
    if strict:
        classes = [(name, *lost[:, k].tolist()) for k, name in enumerate(dataset.classes)]
        refuse_many(dataset.root, left_out, total, classes=classes)
    for split in splits.keys() & {"", "train"}:
        for label in range(len(dataset.classes)):
            if not splits[split].counts(len(dataset.classes))[label]:
                reason = f" ({left_out[0].reason})" if left_out else ""
                raise InputError(
                    f"The class {dataset.classes[label]} has no pictures to learn from in {dataset.root} that can be "
                    f"read{reason}; bring some, or take the class away."
                )
    labels = np.concatenate([pictures.labels for pictures in splits.values()])
    remarks = [*dataset.remarks, *check.said_of_stretched(wide), *remarks_on(left_out), *_twice(digests, labels)]
    return replace(dataset, splits=splits, remarks=remarks, digests=digests, cards=cards, left_out=left_out)


def _twice(digests: dict[str, list[bytes]], labels: NDArray[np.int64]) -> list[str]:
    count = check.contradictions([digest for found in digests.values() for digest in found], labels)
    return [f"{counted(count)} can be found under more than one class; delete the wrong copies."] if count else []


def _split(dataset: LabelSet, seed: int, val: float, test: float) -> LabelSet:
    """Cut val from train where it is missing, and test too where there are no splits."""
    splits, digests, cards, form = dict(dataset.splits), dict(dataset.digests), dict(dataset.cards), dataset.form

    def cut(source: str, names: tuple[str, ...], shares: tuple[float, ...]) -> None:
        """Replace a split by its parts."""
        whole, hashes, looks = splits.pop(source), digests.pop(source), cards.pop(source)
        parts = stratified(strata(whole.labels), shares, seed=seed, groups=_groups(hashes))
        for name, part in zip(names, parts, strict=True):
            splits[name] = whole.take(part)
            digests[name] = [hashes[k] for k in part.tolist()]
            cards[name] = [looks[k] for k in part.tolist()]

    if "" in splits:
        cut("", ("train", "val", "test"), (val, test))
        form += f", split here (seed {seed})"
    elif "val" not in splits:
        cut("train", ("train", "val"), (val,))
        form += f"; val is {val:.0%} of train (seed {seed})"
    ordered = [name for name in ("train", "val", "test") if name in splits and len(splits[name])]
    if "val" not in ordered:
        few = f"{dataset.root} has too few pictures for a val split{_told_copies(dataset)}"
        raise InputError(f"{few}; give at least two of each class.")
    return replace(
        dataset,
        form=form,
        splits={name: splits[name] for name in ordered},
        digests={name: digests[name] for name in ordered},
        cards={name: cards[name] for name in ordered},
    )


def _told_copies(dataset: LabelSet) -> str:
    """How many pictures are copies of others, if any is: they are kept together."""
    found = [digest for own in dataset.digests.values() for digest in own]
    different = len(set(found))
    if different == len(found):
        return ""
    return f" (its {len(found):,} pictures are copies of {different:,}, and copies are kept together)"


def _groups(digests: list[bytes]) -> NDArray[np.int64]:
    """The same number for pictures with the same content."""
    number: dict[bytes, int] = {}
    return np.array([number.setdefault(digest, len(number)) for digest in digests], dtype=np.int64)
