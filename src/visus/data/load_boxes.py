"""Bring in pictures with boxes around their objects, whatever their format, in splits."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, Literal

import numpy as np

from visus._errors import InputError
from visus.data import coco
from visus.data.box_formats import FORMATS, Rows
from visus.data.boxes import UNKNOWN, UNUSABLE, Boxed, BoxSet, Objects, mended, objects
from visus.data.check import digest_of, said_of_stretched
from visus.data.kinds import refuse_foreign, refuse_other_task
from visus.data.left_out import Notes, refuse_many, remarks_on, remarks_on_mends
from visus.data.load import refuse_classes
from visus.data.near import Card, card_of, leaks
from visus.data.own_splits import own_splits
from visus.data.samples import counted, said_of_alike, said_of_unmeasured
from visus.data.split import must_leave_some, stratified
from visus.data.splits import seen_through
from visus.data.threads import in_threads
from visus.data.unused import unused
from visus.data.upright import sideways, turned
from visus.data.without import Decided, read_decided
from visus.data.yolo_lines import row_of
from visus.images import read
from visus.images.wide import stretched

Progress = Callable[[int, int], None]
Unlabeled = Literal["negative", "leave_out"]
_NEARLY_ALL = 0.9  # share of the objects
_THINNEST = 100  # how many times longer than wide a picture may be
LAYOUTS = (
    "JPEGImages with Annotations (VOC), train with train.json (COCO), images with labels (YOLO), or as an annotation "
    "tool exports them"
)
_VOC = "Pascal VOC"
_ORDER = ("", "train", "val", "test")


def load_boxes(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    unlabeled: Unlabeled | None = None,
    first_pixel: int | None = None,
    allow_bad: bool = False,
    without: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> BoxSet:
    """Pictures with boxes from a folder; the format is recognized.

    * Pascal VOC: ``JPEGImages``, ``Annotations/*.xml``, ``ImageSets/Main``; ``images`` with ``annotations/*.xml``, or
      pictures and XML files side by side;
    * COCO: ``train.json`` beside ``train/``, ``annotations/instances_train2017.json``,
      ``train/_annotations.coco.json``, or one JSON file for all: boxes, polygons, run lengths, crowds;
    * YOLO: ``images`` with ``labels/*.txt``, or pictures and text files side by side (boxes or polygons), and
      ``data.yaml`` or ``classes.txt``;
    * what annotation tools export; :data:`visus.data.box_formats.FORMATS` lists all.

    Every picture is read once. Those that cannot be read are left out; boxes beyond the border are cut; boxes without
    area, with NaN, of unknown categories, or that are there twice are left out; each is counted in a remark. A picture
    whose annotation holds no objects is one to learn from, too.

    Args:
        path: The folder.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        unlabeled: What pictures are that no annotation belongs to: pictures without objects, or left out. None leaves
            them out, but for YOLO, whose pictures without objects may have no file, if they are not the most.
        first_pixel: What files of Pascal VOC call the first pixel, 0 or 1; None for what tells it, else 1.
        allow_bad: Whether to go on where more than a tenth of the files, or half of a class, cannot be used.
        without: Table of ``visus check``, which leaves pictures out.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, too many files cannot be used, no object is left to learn from or to
            measure on, or ``val`` and ``test`` leave nothing to train on.
    """
    must_leave_some(val, test)
    whole = _load(path, progress, unlabeled, first_pixel=first_pixel, strict=not allow_bad, without=without)
    if first_pixel is not None and whole.form != _VOC:
        raise InputError(f"{path} is {whole.form}, and --first-pixel is for Pascal VOC; leave it.")
    dataset = ready_boxes(whole, path, seed=seed, val=val, test=test)
    dataset.remarks.extend(leaks(dataset.digests, dataset.cards))
    return dataset


def ready_boxes(whole: BoxSet, path: str | os.PathLike[str], *, seed: int, val: float, test: float) -> BoxSet:
    """A set as training takes it: cut where splits are missing, with remarks on what cannot be learned or measured.

    Args:
        whole: The set as it lies; without splits, its one split is called ``""``.
        path: What the user called it.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.

    Raises:
        InputError: There is nothing to learn from, or nothing to measure on.
    """
    found = _split(whole, seed, val, test)
    said = " ".join(found.remarks)
    empty = next((name for name in ("train", "val") if not len(found.splits[name])), None)
    if empty is not None:
        raise InputError(f"No picture of the split {empty} of {path} can be used; bring some. {said}".strip())
    for name, words in (("train", "training pictures"), ("val", "pictures of the split val")):
        if not found.counts(name).sum():
            raise InputError(f"The {words} in {path} have no objects; bring some. {said}".strip())
        if not (found.counts(name) - found.crowds(name)).sum():
            raise InputError(f"All objects on the {words} in {path} are crowds, which do not count; bring others.")
    learned, measured = (found.counts(name) - found.crowds(name) for name in ("train", "val"))
    missing = [name for name, count in zip(found.classes, learned, strict=True) if not count]
    if not measured[learned > 0].any():
        raise InputError(
            f"The pictures of the split val in {path} have objects only of classes that no training picture has "
            f"({', '.join(missing)}); name classes alike in both."
        )
    if missing:
        found.remarks.append(f"On no training picture, and so not learned: {', '.join(missing)}.")
    found.remarks.extend(said_of_unmeasured(found.classes, learned, measured))
    return found


def load_boxes_whole(
    path: str | os.PathLike[str],
    *,
    unlabeled: Unlabeled | None = None,
    first_pixel: int | None = None,
    progress: Progress | None = None,
) -> BoxSet:
    """Pictures with boxes in the splits that are there, or in one called ``all``; nothing is cut.

    Args:
        path: The folder.
        unlabeled: As for :func:`load_boxes`.
        first_pixel: As for :func:`load_boxes`; of no meaning for other formats.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, or nothing can be used.
    """
    found = _load(path, progress, unlabeled, first_pixel=first_pixel)
    if "" in found.splits:
        splits, digests, cards = ({"all": own[""]} for own in (found.splits, found.digests, found.cards))
        found = replace(found, splits=splits, digests=digests, cards=cards)
    found.remarks.extend(leaks(found.digests, found.cards))
    return found


def _load(
    path: str | os.PathLike[str],
    progress: Progress | None,
    unlabeled: Unlabeled | None,
    *,
    first_pixel: int | None = None,
    strict: bool = False,
    without: str | os.PathLike[str] | None = None,
) -> BoxSet:
    if first_pixel not in (None, 0, 1):
        raise InputError(f"The first pixel is called 0 or 1, not {first_pixel}.")
    place = Path(path).expanduser()
    if not place.is_dir():
        raise InputError(f"{place} is no folder of pictures with boxes; lay them out as {LAYOUTS}.")
    root = seen_through(place)
    known = next((own for own in FORMATS if own.is_in(root)), None)
    if known is None:
        refuse_other_task(root, "detect")
        refuse_classes(root)
        raise InputError(f"{root} holds no pictures with boxes; lay them out as {LAYOUTS}.")
    notes = Notes(first_pixel=first_pixel)
    classes, splits = known.read(root, notes)
    classes = _countable(classes, splits, notes)
    _without_rectangles(splits)
    splits = with_own_splits(splits, root, notes)
    splits = within_splits(with_unlabeled(splits, notes, unlabeled, known.bare_is_negative), notes)
    if classes is None:
        classes = tuple(sorted({row["name"] for _, lists in splits.values() for rows in lists for row in rows}))
    if not classes:
        first = f" (the first: {notes.left_out[0].reason})" if notes.left_out else ""
        said = " ".join(["", *notes.remarks])
        raise InputError(f"{root} has no objects at all{first}; bring annotations.{said}")
    ordered = {name: splits[name] for name in _ORDER if name in splits}
    if without is not None:
        ordered = _without(ordered, read_decided(without, place), notes)
    found = _checked(BoxSet(root, known.name, classes, {}), ordered, notes, progress, strict=strict)
    used = [file for split in found.splits.values() for file in split.files]
    used += [own.path for own in notes.left_out] + [file for _, file in notes.unlabeled] + [*notes.beside]
    remarks = [*found.remarks, *said_of_alike(found.classes), *unused(root, used, expected=known.endings)]
    return replace(found, remarks=remarks, unread=dict(+notes.unread))


def _without(splits: dict[str, Rows], decided: Decided, notes: Notes) -> dict[str, Rows]:
    """The pictures that a table does not leave out; the others are noted."""
    notes.remarks += decided.said([file for files, _ in splits.values() for file in files])
    kept: dict[str, Rows] = {}
    for split, (files, rows) in splits.items():
        stays = decided.stays(files)
        notes.beside |= {file for file, own in zip(files, stays, strict=True) if not own}
        kept[split] = list(compress(files, stays)), list(compress(rows, stays))
    return kept


def _countable(classes: tuple[str, ...] | None, splits: dict[str, Rows], notes: Notes) -> tuple[str, ...] | None:
    """The classes of what can be counted, and no sky, grass or background; the rows are changed in place."""
    lists = [rows for _, lists in splits.values() for rows in lists]
    stuff = {row["name"] for rows in lists for row in rows if row.get("stuff")}
    numbered = any("line" in row for rows in lists for row in rows)  # YOLO's numbers count all names
    for rows in lists:
        notes.mends["of what cannot be counted (stuff), left out; visus train segment takes it"] += sum(
            bool(row.get("stuff")) for row in rows
        )
        kept = [row for row in rows if not row.get("stuff")]
        rows[:] = [row for row in kept if not any(map(coco.is_background, _names([row], classes or ())))]
        notes.mends["of a class called background, left out"] += len(kept) - len(rows)
    if numbered or classes is None:
        return classes
    return tuple(name for name in classes if name not in stuff and not coco.is_background(name))


def _without_rectangles(splits: dict[str, Rows]) -> None:
    """Where every shape is but a rectangle, objects have boxes alone; the rows are changed in place."""
    shaped = [row for _, lists in splits.values() for rows in lists for row in rows if row.get("shape")]
    if all(row.get("rectangle") for row in shaped):
        for row in shaped:
            row["shape"] = None


def with_own_splits(splits: dict[str, Rows], root: Path, notes: Notes) -> dict[str, Rows]:
    """Splits by lists of names or by folders, where the annotations tell none.

    Args:
        splits: Pictures with annotations, by split.
        root: The folder of the data set.
        notes: Holds the pictures without, which are parted too.
    """
    if set(splits) != {""}:
        return splits
    files, rows = splits[""]
    bare = [file for split, file in notes.unlabeled if not split]
    parts = own_splits([*files, *bare], root, notes)
    if set(parts) == {""}:
        return splits
    split_of_bare = {bare[k - len(files)]: split for split, own in parts.items() for k in own if k >= len(files)}
    notes.unlabeled[:] = [(split or split_of_bare.get(file, ""), file) for split, file in notes.unlabeled]
    found = {split: [k for k in own if k < len(files)] for split, own in parts.items()}
    return {split: ([files[k] for k in own], [rows[k] for k in own]) for split, own in found.items()}


def with_unlabeled(
    splits: dict[str, Rows], notes: Notes, unlabeled: Unlabeled | None, bare_is_negative: bool
) -> dict[str, Rows]:
    """Take pictures that no annotation belongs to as pictures without objects, or leave them out, and say so.

    Args:
        splits: Pictures with annotations, by split; changed in place.
        notes: Holds the pictures without.
        unlabeled: What the user says.
        bare_is_negative: Whether the format gives pictures without objects no annotation.
    """
    splits = _with_empty(splits, notes, unlabeled)
    astray = [file for split, file in notes.unlabeled if not split and "" not in splits and "train" in splits]
    bare = [own for own in notes.unlabeled if own[0] or not astray]
    if astray:
        notes.remarks.append(
            f"{counted(len(astray))} {'has' if len(astray) == 1 else 'have'} no annotation and "
            f"{_are(len(astray))} in no split, and left out, {Path(astray[0]).name} for one."
        )
    count = len(bare)
    if not count:
        return splits
    total = count + sum(len(files) for files, _ in splits.values())
    as_negative = unlabeled == "negative" or (unlabeled is None and bare_is_negative and 2 * count <= total)
    told = f"{count:,} of {counted(total)} {'has' if count == 1 else 'have'} no annotation"
    if not as_negative:
        notes.remarks.append(f"{told} and {_are(count)} left out, {Path(bare[0][1]).name} for one; "
                             "--unlabeled negative takes such as pictures without objects.")  # fmt: skip
        return splits
    notes.remarks.append(
        f"{told} and {_are(count)} taken as pictures without objects; --unlabeled leave_out forgets them."
    )
    for split, file in bare:
        files, rows = splits.setdefault(split, ([], []))
        files.append(file)
        rows.append([])
    return {split: _in_order(pair) for split, pair in splits.items()}


def _with_empty(splits: dict[str, Rows], notes: Notes, unlabeled: Unlabeled | None) -> dict[str, Rows]:
    """Count pictures that are listed without objects, and leave them out where that is wanted."""
    count = sum(not own for _, lists in splits.values() for own in lists)
    if not count:
        return splits
    told = (
        f"{count:,} of {counted(sum(len(files) for files, _ in splits.values()))} {_are(count)} listed without objects"
    )
    if unlabeled != "leave_out":
        notes.remarks.append(f"{told} and taken as such; --unlabeled leave_out forgets them.")
        return splits
    notes.remarks.append(f"{told} and left out.")
    notes.beside |= {
        file for files, lists in splits.values() for file, own in zip(files, lists, strict=True) if not own
    }
    return {
        split: (list(compress(files, map(bool, lists))), list(filter(None, lists)))
        for split, (files, lists) in splits.items()
    }


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _in_order(pair: Rows) -> Rows:
    places = sorted(range(len(pair[0])), key=lambda k: Path(pair[0][k]))
    return [pair[0][k] for k in places], [pair[1][k] for k in places]


def within_splits(splits: dict[str, Rows], notes: Notes) -> dict[str, Rows]:
    """Splits that hold pictures; beside these, what belongs to none trains where nothing else does, or is left out."""
    found = {split: pair for split, pair in splits.items() if pair[0]}
    empty = [split for split in splits if split and split not in found]
    notes.remarks += [f"No picture of the split {split} has an annotation that can be used." for split in empty]
    if "" not in found or len(found) == 1:
        return found
    rest = found.pop("")
    if "train" not in found:
        return {"train": rest, **found}
    notes.remarks.append(
        f"{counted(len(rest[0]))} {_are(len(rest[0]))} in no split and left out, {rest[0][0]} for one."
    )
    return found


def _checked(
    dataset: BoxSet, splits: dict[str, Rows], notes: Notes, progress: Progress | None, *, strict: bool
) -> BoxSet:
    """Read every picture once; leave out what cannot be used, and say so.

    Raises:
        InputError: Nothing is left, or, where it is strict, too much cannot be used.
    """
    total, done = sum(len(files) for files, _ in splits.values()), 0
    kept: dict[str, Boxed] = {}
    digests: dict[str, list[bytes]] = {}
    cards: dict[str, list[Card]] = {}
    lost: Counter[str] = Counter()
    wide = 0
    before = len(notes.left_out)
    for name, (files, lists) in splits.items():
        good: list[tuple[str, Objects]] = []
        digests[name], cards[name] = [], []
        look = partial(_look, classes=dataset.classes)
        for file, rows, answer in zip(files, lists, in_threads(look, files, lists), strict=True):
            done += 1
            if progress:
                progress(done, total)
            if isinstance(answer, str):
                notes.drop(file, answer)
                lost.update(_names(rows, dataset.classes))
                continue
            digest, card, own, mends, is_stretched = answer
            wide += is_stretched
            notes.mends.update(mends)
            good.append((file, own))
            digests[name].append(digest)
            cards[name].append(card)
        kept[name] = Boxed([file for file, _ in good], [own for _, own in good])
    if not any(len(split) for split in kept.values()):
        refuse_foreign(dataset.root)
        detail = f" (the first: {notes.left_out[0].reason})" if notes.left_out else ""
        raise InputError(f"No picture of {dataset.root} can be used{detail}; bring some.")
    found = replace(dataset, splits=kept, digests=digests, cards=cards, left_out=notes.left_out)
    if strict:
        there = Counter(lost)
        for split in kept:
            there.update(dict(zip(dataset.classes, found.counts(split).tolist(), strict=True)))
        classes = [(name, lost[name], there[name]) for name in dataset.classes]
        refuse_many(dataset.root, notes.left_out, total + before, classes=classes)
        _refuse_odd_objects(dataset.root, notes, there.total() - lost.total())
    return replace(
        found,
        remarks=[*notes.remarks, *said_of_stretched(wide), *remarks_on_mends(notes.mends), *remarks_on(notes.left_out)],
    )


def _refuse_odd_objects(root: Path, notes: Notes, kept: int) -> None:
    """Stop where half of all objects is unusable: then something is read otherwise than it was written.

    Objects of an unknown category are unusable only where nearly all are such: categories may be cut down to some.

    Raises:
        InputError: It is.
    """
    gone = {reason: notes.mends[reason] for reason in UNUSABLE if notes.mends[reason]}
    if gone.get(UNKNOWN, 0) <= _NEARLY_ALL * (kept + sum(gone.values())):
        gone.pop(UNKNOWN, None)
    count = sum(gone.values())
    if count > 1 and count >= kept:
        told = "; ".join(f"{own:,} {reason.removesuffix(', left out')}" for reason, own in gone.items())
        raise InputError(
            f"{count:,} of {kept + count:,} objects in {root} cannot be used ({told}); mend the annotations, or say "
            "--allow-bad to go on without them."
        )


def _names(rows: list[dict[str, Any]], classes: tuple[str, ...]) -> list[str]:
    """The classes of some objects."""
    numbers = [int(row["line"][0]) for row in rows if "line" in row]
    return [row["name"] for row in rows if "name" in row] + [classes[k] for k in numbers if k < len(classes)]


Looked = tuple[bytes, Card, Objects, Counter[str], bool]


def _look(file: str, rows: list[dict[str, Any]], classes: tuple[str, ...]) -> Looked | str:
    """Hash, card, objects, what was mended, and whether the picture was stretched; or why it cannot be used."""
    try:
        plain = read(file)
        wide = stretched(file, plain)
        picture = plain if wide is None else wide
    except InputError as error:
        return str(error)
    size = (picture.shape[0], picture.shape[1])
    if max(size) > _THINNEST * min(size):
        return f"{file} is {size[1]}x{size[0]} pixels, which is too thin; cut it."
    found = objects_of(file, rows, size, classes)
    if isinstance(found, str):
        return found
    own, mends = found
    for shape in own.shapes:
        if shape:
            try:
                coco.decode(shape, size)
            except InputError as error:
                return f"{file}: {error}"
    return digest_of(picture.tobytes()), card_of(picture), own, mends, wide is not None


def objects_of(
    file: str, rows: list[dict[str, Any]], size: tuple[int, int], classes: tuple[str, ...]
) -> tuple[Objects, Counter[str]] | str:
    """The objects of a picture in pixels, and what was mended; or why they cannot be used.

    Args:
        file: The picture.
        rows: What its annotation says.
        size: Height and width of the upright picture.
        classes: The names of the classes.
    """
    mends: Counter[str] = Counter()
    told = {row["size"] for row in rows if row.get("size")}
    raw = (size[1], size[0])
    if told == {raw} != {size} and (orientation := sideways(file)):
        try:
            for shape in filter(None, (row.get("shape") for row in rows)):
                coco.decode(shape, raw)  # whether it can be read at all
            rows = [turned(row, orientation, raw) for row in rows]
        except InputError as error:
            return f"{file}: {error}"
        mends["turned with the picture, which lies on its side in the file"] += len(rows)
    elif told and told != {size}:
        height, width = told.pop()
        return (
            f"The annotation of {file} is for {width}x{height} pixels, and the upright picture has "
            f"{size[1]}x{size[0]}; bring the picture that it belongs to."
        )
    made = []
    for row in rows:
        try:
            own = row_of(row, size) if "line" in row else {**row, "label": classes.index(row["name"])}
        except ValueError:
            return f"{file} has a line of {len(row['line'])} numbers, which are no box and no polygon; mend its labels."
        if own["label"] >= len(classes):
            mends[UNKNOWN] += 1
            continue
        if row.get("relative"):
            own |= _in_pixels(own, size)
        made.append(own)
    return mended(objects(made), size, mends), mends


def _in_pixels(row: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    """Box and polygons in pixels, from shares of the width and the height."""
    height, width = size
    box = [value * side for value, side in zip(row["box"], [width, height] * 2, strict=True)]
    shape = row.get("shape")
    if isinstance(shape, list):
        shape = [[v * (height if k % 2 else width) for k, v in enumerate(polygon)] for polygon in shape]
    return {"box": box, "shape": shape}


def _split(dataset: BoxSet, seed: int, val: float, test: float) -> BoxSet:
    """Cut val from train where it is missing, and test too where there are no splits.

    Raises:
        InputError: There are too few pictures.
    """
    if "" in dataset.splits:
        source, names, shares = "", ("train", "val", "test"), (val, test)
    elif "val" not in dataset.splits:
        source, names, shares = "train", ("train", "val"), (val,)
    else:
        source, names, shares = "", (), ()
    if "" not in dataset.splits and "train" not in dataset.splits:
        raise InputError(f"{dataset.root} has no pictures in the split train; add some.")
    if not names:
        return dataset
    whole, digests, cards = dataset.splits[source], dataset.digests[source], dataset.cards[source]
    number: dict[bytes, int] = {}
    groups = np.array([number.setdefault(digest, len(number)) for digest in digests], np.int64)
    parts = stratified(whole.labels, shares, seed=seed, groups=groups)
    filled = np.array([len(own) > 0 for own in whole.objects], np.int64)
    if not all(filled[part].any() for part in parts if len(part)):  # pictures without objects took a whole part
        parts = stratified(filled, shares, seed=seed, groups=groups)
    places = _filled(dict(zip(names, parts, strict=True)), dataset)
    rest = [name for name in dataset.splits if name != source]
    form = dataset.form + (f", split here (seed {seed})" if source == "" else f"; val is {val:.0%} of train")
    return replace(
        dataset,
        form=form,
        splits={**{k: whole.take(own) for k, own in places.items()}, **{k: dataset.splits[k] for k in rest}},
        digests={**_taken(digests, places), **{k: dataset.digests[k] for k in rest}},
        cards={**_taken(cards, places), **{k: dataset.cards[k] for k in rest}},
    )


def _taken(values: list[Any], places: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [values[k] for k in own.tolist()] for name, own in places.items()}


def _filled(parts: dict[str, Any], dataset: BoxSet) -> dict[str, Any]:
    """The parts that hold pictures.

    Raises:
        InputError: Nothing is left for val.
    """
    if not len(parts["val"]):
        raise InputError(f"{dataset.root} has too few pictures for a val split; give at least two.")
    return {name: places for name, places in parts.items() if len(places)}
