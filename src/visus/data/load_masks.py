"""Bring in pictures or volumes with masks, whatever their format, in splits."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._errors import InputError
from visus.data import coco
from visus.data.box_formats import FORMATS, Format
from visus.data.check import digest_of, said_of_stretched
from visus.data.cityscapes import cityscapes_pairs, is_cityscapes
from visus.data.class_lists import ClassList, read_class_list
from visus.data.drawn import classes_of, drawn
from visus.data.kinds import refuse_other_task
from visus.data.left_out import Notes, refuse_many, remarks_on, remarks_on_mends
from visus.data.load import refuse_classes
from visus.data.load_boxes import Unlabeled, with_own_splits, with_unlabeled, within_splits
from visus.data.mask_classes import (
    STRANGE,
    Wanted,
    classes_and_lookup,
    is_by_color,
    palette_of,
    survey_of,
    without_ignored,
)
from visus.data.mask_layouts import LAYOUTS, Pairs, folder_pairs, has_masks, is_voc, voc_pairs
from visus.data.masks import (
    ByColor,
    ByValue,
    Masked,
    MaskSet,
    colors,
    is_gray,
    positions,
    read_numbers_of_objects,
    read_values,
)
from visus.data.near import Card, card_of, leaks
from visus.data.palettes import refuse_shuffled
from visus.data.resample import Spacing, said
from visus.data.samples import counted, said_of_unmeasured
from visus.data.space import mixed_spacing, refuse_elsewhere
from visus.data.split import must_leave_some, stratified
from visus.data.splits import seen_through
from visus.data.threads import in_threads
from visus.data.unused import unused
from visus.data.volumes import has_volumes, read_label_volume, read_volume, volume_pairs
from visus.data.without import Decided, read_decided
from visus.images import read
from visus.images.wide import read_wide, stretched

Progress = Callable[[int, int], None]
_LISTS = (".json", ".xml", ".txt", ".csv", ".yaml", ".yml", ".md", ".html", ".pdf", ".data", ".names", "")


def load_masks(
    path: str | os.PathLike[str],
    *,
    ignore: Sequence[str] = (),
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    binary: bool = False,
    unlabeled: Unlabeled | None = None,
    spacing: Spacing | None = None,
    allow_bad: bool = False,
    without: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> MaskSet:
    """Pictures or volumes with masks from a folder; the format is recognized.

    * ``PATH/{train,val,test}/images/*`` with ``PATH/{train,val,test}/masks/*.png`` (or ``labels``), or ``PATH/images``
      with ``PATH/masks``, which is split here; masks hold a number for each class, or colors;
    * Pascal VOC: ``JPEGImages``, ``SegmentationClass``, ``ImageSets/Segmentation``;
    * COCO: ``train.json`` beside ``train/``, or ``annotations/instances_train2017.json``;
    * NIfTI volumes: ``imagesTr/*.nii.gz`` with ``labelsTr``, nnU-Net's too;
    * what annotation tools export, with polygons or masks: :data:`visus.data.box_formats.FORMATS`.

    Classes are named by the lists of :mod:`visus.data.class_lists`; without, they are called by the values that the
    masks hold. The value 255 does not count, unless it is the only one beside 0. Black and white masks with blurred
    borders are cut at the middle; numbers that count objects are refused. Every picture and mask is read once: pairs
    that cannot be used are left out and said.

    Args:
        path: The folder.
        ignore: Classes, by name or by value, that do not count.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        binary: Whether all that is not 0 is one class.
        unlabeled: As for :func:`visus.data.load_boxes`, where masks are drawn from shapes.
        spacing: Of volumes: millimeters between voxels (left to right, back to front, feet to head), to which all are
            resampled.
        allow_bad: Whether to go on where more than a tenth of the files cannot be used.
        without: Table of ``visus check``, which leaves pictures out.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, a mask has a value beyond the list of classes, masks count objects,
            too many files cannot be used, nothing is left, there are less than two classes, or ``val`` and ``test``
            leave nothing to train on.
    """
    must_leave_some(val, test)
    wanted = Wanted(tuple(ignore), binary=binary, unlabeled=unlabeled, spacing=spacing, strict=not allow_bad)
    dataset = ready_masks(_load(path, wanted, progress, without), path, seed=seed, val=val, test=test)
    dataset.remarks.extend(leaks(dataset.digests, dataset.cards))
    return dataset


def ready_masks(whole: MaskSet, path: str | os.PathLike[str], *, seed: int, val: float, test: float) -> MaskSet:
    """A set as training takes it: cut where splits are missing, with remarks on what cannot be learned or measured.

    Args:
        whole: The set as it lies; without splits, its one split is called ``""``.
        path: What the user called it.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.

    Raises:
        InputError: There is one class only, or nothing to measure on.
    """
    found = _split(whole, seed, val, test)
    if len(found.classes) > 1 and not found.pixels["val"][:, 1:].any():
        raise InputError(
            f"The masks of the split val in {path} hold {found.classes[0]} only; nothing can be measured there. Bring "
            "others."
        )
    learned, measured = found.pixels["train"].sum(0), found.pixels["val"].sum(0)
    missing = [name for name, count in zip(found.classes, learned, strict=True) if not count]
    if missing:
        found.remarks.append(f"Not in any training mask, and so not learned: {', '.join(missing)}.")
    found.remarks.extend(said_of_unmeasured(found.classes, learned, measured))
    if len(found.classes) < 2:
        raise InputError(
            f"The masks in {path} have one class only ({', '.join(found.classes)}); at least 2 are needed."
        )
    return found


def load_masks_whole(
    path: str | os.PathLike[str],
    *,
    ignore: Sequence[str] = (),
    binary: bool = False,
    unlabeled: Unlabeled | None = None,
    spacing: Spacing | None = None,
    insist: bool = True,
    progress: Progress | None = None,
) -> MaskSet:
    """Pictures with masks in the splits that are there, or in one called ``all``; nothing is cut.

    Args:
        path: The folder.
        ignore: Classes that do not count.
        binary: As for :func:`load_masks`.
        unlabeled: As for :func:`load_masks`.
        spacing: As for :func:`load_masks`.
        insist: Whether a class that is to be ignored must be there.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, or a mask has a value beyond the list of classes.
    """
    found = _load(path, Wanted(tuple(ignore), insist, binary, unlabeled, spacing), progress)
    if "" in found.splits:
        parts = (found.splits, found.digests, found.pixels, found.cards)
        splits, digests, pixels, cards = ({"all": part[""]} for part in parts)
        found = replace(found, splits=splits, digests=digests, pixels=pixels, cards=cards)
    found.remarks.extend(leaks(found.digests, found.cards))
    return found


Splits = dict[str, Masked]
Classes = tuple[tuple[str, ...], NDArray[np.uint8]]
"""Names and palette."""


def _load(
    path: str | os.PathLike[str],
    wanted: Wanted,
    progress: Progress | None,
    without: str | os.PathLike[str] | None = None,
) -> MaskSet:
    place = Path(path).expanduser()
    if not place.is_dir():
        raise InputError(f"{place} is no folder of pictures with masks; lay them out as {LAYOUTS}.")
    root, notes = seen_through(place), Notes()
    splits, form, named, axes = _read(root, notes, wanted, progress)
    if without is not None:
        splits = _without(splits, read_decided(without, place), notes)
    dataset = MaskSet(root, form, named[0], splits, named[1], axes)
    found = _checked(dataset, notes, progress, strict=wanted.strict)
    if axes == 3 and not wanted.spacing:
        found.remarks.extend(mixed_spacing(file for own in found.splits.values() for file in own.files))
    return found


def _without(splits: Splits, decided: Decided, notes: Notes) -> Splits:
    """The pictures that a table does not leave out; the others, and their masks, are noted."""
    notes.remarks += decided.said([file for own in splits.values() for file in own.files])
    kept: Splits = {}
    for split, own in splits.items():
        stays = np.array(decided.stays(own.files), bool)
        gone = own.take(np.flatnonzero(~stays))
        notes.beside |= {str(path) for path in (*gone.files, *gone.masks) if isinstance(path, str | os.PathLike)}
        kept[split] = own.take(np.flatnonzero(stays))
    return kept


def _read(root: Path, notes: Notes, wanted: Wanted, progress: Progress | None) -> tuple[Splits, str, Classes, int]:
    """Splits, form, classes with palette, and axes of the folder."""
    if has_volumes(root):
        return _volumes(root, notes, wanted, progress)
    if wanted.spacing:
        raise InputError(f"{root} holds no volumes, and --spacing is for these; leave it.")
    known = next((own for own in FORMATS if own.has_shapes and own.is_in(root)), None)
    if is_voc(root):
        pairs, form = voc_pairs(root, notes), "Pascal VOC"
    elif is_cityscapes(root):
        pairs, form = cityscapes_pairs(root, notes), "Cityscapes"
    elif known and known.name in ("COCO", "COCO panoptic") and not (has_masks(root) and _is_bare(known, root)):
        return _of_shapes(root, known, notes, wanted)
    elif has_masks(root):
        pairs, form = with_own_splits(folder_pairs(root, notes), root, notes), "pictures with masks"
    elif known:
        return _of_shapes(root, known, notes, wanted)
    else:
        refuse_other_task(root, "segment")
        refuse_classes(root)
        raise InputError(f"{root} holds no pictures with masks; lay them out as {LAYOUTS}.")
    bare = _say_without_masks(pairs, notes, "picture", wanted)
    listed = read_class_list(root)
    if listed and listed.palette is not None and is_by_color(pairs, listed.palette):
        return _colored(_with_bare(pairs, bare), listed, root, f"{form} in colors", wanted)
    values = read_numbers_of_objects if wanted.binary else read_values
    seen = survey_of(pairs, values, progress)
    if not wanted.binary:
        refuse_shuffled(seen)
    found = classes_and_lookup(seen, listed, root, notes, wanted)
    splits = _masked(_with_bare(pairs, bare), ByValue(found[1], values), read_wide, ground=int(found[1][0]))
    return splits, form, (found[0], palette_of(listed, found)), 2


def _is_bare(known: Format, root: Path) -> bool:
    """Whether no object has a shape, so that the masks beside them count."""
    _, splits = known.read(root, Notes())
    return not any(row.get("shape") for _, lists in splits.values() for own in lists for row in own)


def _volumes(root: Path, notes: Notes, wanted: Wanted, progress: Progress | None) -> tuple[Splits, str, Classes, int]:
    pairs = volume_pairs(root, notes)
    if _say_without_masks(pairs, notes, "volume", wanted):
        raise InputError(f"--unlabeled negative is for pictures, and {root} holds volumes; leave it.")
    seen, listed = survey_of(pairs, read_label_volume, progress), read_class_list(root)
    found = classes_and_lookup(seen, listed, root, notes, wanted)
    reading: tuple[Any, Any] = read_volume, read_label_volume
    if wanted.spacing:
        reading = partial(read_volume, spacing=wanted.spacing), partial(read_label_volume, spacing=wanted.spacing)
    splits = _masked(pairs, ByValue(found[1], reading[1]), reading[0])
    at = f", resampled to {said(wanted.spacing)} mm" if wanted.spacing else ""
    return splits, f"NIfTI volumes{at}", (found[0], palette_of(listed, found)), 3


def _of_shapes(root: Path, known: Format, notes: Notes, wanted: Wanted) -> tuple[Splits, str, Classes, int]:
    """Masks that are drawn from the shapes of objects."""
    told, rows = known.read(root, notes)
    rows = with_own_splits(rows, root, notes)
    rows = within_splits(with_unlabeled(rows, notes, wanted.unlabeled, known.bare_is_negative), notes)
    if told is None:
        told = tuple(sorted({row["name"] for _, lists in rows.values() for own in lists for row in own}))
    if not told:
        first = f" (the first: {notes.left_out[0].reason})" if notes.left_out else ""
        raise InputError(f"{root} has no objects at all{first}; bring annotations.")
    pairs = drawn(known, root, told, rows, notes)
    names = classes_of(told, root)
    classes, lookup = without_ignored(names, range(len(names)), wanted, root)
    form = "COCO's objects" if known.name == "COCO" else f"{known.name}'s shapes"
    return _masked(pairs, partial(_drawn, lookup=lookup), read_wide), form, (classes, colors(len(classes))), 2


Bare = list[tuple[str, str]]
"""Split and file of pictures without a mask."""


def _say_without_masks(pairs: Pairs, notes: Notes, kind: str, wanted: Wanted) -> Bare:
    """Count what has no mask, and say what becomes of it; what is taken as ground alone.

    Raises:
        InputError: Nothing has one.
    """
    bare = [*notes.unlabeled]
    if not bare:
        return []
    total = len(bare) + sum(len(files) for files, _ in pairs.values())
    if len(bare) == total:
        raise InputError(f"No {kind} has a mask beside it, {bare[0][1]} for one; name masks as their {kind}s.")
    masked = {split for split, (files, _) in pairs.items() if files}
    negative = [own for own in bare if wanted.unlabeled == "negative" and own[0] in masked]
    left = [own for own in bare if own not in negative]
    if negative:
        notes.remarks.append(
            f"{_told(negative, total, kind)} taken as ground alone; --unlabeled leave_out forgets them."
        )
        notes.unlabeled[:] = left
    if left:
        mend = "" if kind == "volume" else "; --unlabeled negative takes such as ground alone"
        mend = "; no picture of their split has one" if wanted.unlabeled == "negative" else mend
        notes.remarks.append(f"{_told(left, total, kind)} left out, {Path(left[0][1]).name} for one{mend}.")
    return negative


def _told(bare: Bare, total: int, kind: str) -> str:
    have, are = ("has", "is") if len(bare) == 1 else ("have", "are")
    return f"{len(bare):,} of {total:,} {kind}s {have} no mask and {are}"


def _with_bare(pairs: Pairs, bare: Bare) -> Pairs:
    """Pictures with masks, and those without one (None), in order."""
    whole: dict[str, dict[str, Any]] = {split: dict(zip(*own, strict=True)) for split, own in pairs.items()}
    for split, file in bare:
        whole[split][file] = None
    ordered = {split: dict(sorted(own.items())) for split, own in whole.items()} if bare else whole
    return {split: ([*own], [*own.values()]) for split, own in ordered.items()}


def _colored(
    pairs: Pairs, listed: ClassList, root: Path, form: str, wanted: Wanted
) -> tuple[Splits, str, Classes, int]:
    """Masks whose classes are told by their colors."""
    assert listed.palette is not None
    classes, lookup = without_ignored(listed.names, range(len(listed.names)), wanted, root)
    codes = (listed.palette.astype(np.int64) @ np.array([65536, 256, 1])).tolist()
    by_color = ByColor({code: int(lookup[k]) for k, code in enumerate(codes)})
    splits = _masked(pairs, by_color, read, ground=by_color.classes.get(0, STRANGE))  # 0 is black
    return splits, form, (classes, palette_of(listed, (classes, lookup))), 2


def _drawn(objects: coco.Objects, lookup: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return lookup[coco.draw(objects)]


def _masked(
    pairs: Pairs, read_mask: Callable[[Any], Any], reading: Callable[[str], Any], *, ground: int = 0
) -> dict[str, Masked]:
    return {split: Masked(files, masks, read_mask, reading, ground) for split, (files, masks) in pairs.items()}


def _checked(dataset: MaskSet, notes: Notes, progress: Progress | None, *, strict: bool) -> MaskSet:
    """Leave out pairs that cannot be used, and say so; count the positions of each class.

    Raises:
        InputError: Nothing is left of a split, or, where it is strict, too much cannot be used.
    """
    total = sum(len(split) for split in dataset.splits.values())
    labeled = total + len(notes.left_out)
    splits, digests, pixels, cards = {}, {}, {}, {}
    turned = wide = done = 0
    lost = np.zeros(len(dataset.classes), np.int64)
    gray = dataset.axes == 2
    for name, split in dataset.splits.items():
        kept, digests[name], rows, cards[name] = [], [], [], []
        for place, answer in enumerate(in_threads(partial(_look, split, dataset), range(len(split)))):
            done += 1
            if progress:
                progress(done, total)
            if isinstance(answer, str):
                notes.drop(split.files[place], answer)
                notes.beside.add(str(split.masks[place]))
                lost += _classes_in(split, place, len(lost))
                continue
            kept.append(place)
            digests[name].append(answer.digest)
            rows.append(answer.counts)
            cards[name] += [] if answer.card is None else [answer.card]
            gray &= answer.gray
            turned += answer.turned
            wide += answer.stretched
        splits[name] = split.take(np.array(kept, np.int64))
        pixels[name] = np.array(rows, np.int64).reshape(len(rows), len(dataset.classes))
    leading = splits.get("", splits.get("train"))
    first = f" (the first: {notes.left_out[0].reason})" if notes.left_out else ""
    if leading is not None and not len(leading):
        raise InputError(f"{dataset.root} has no picture with a mask to learn from{first}; bring some.")
    empty = next((name for name, split in splits.items() if not len(split)), None)
    if empty is not None and len(dataset.splits[empty]):
        raise InputError(f"No pair of the split {empty} of {dataset.root} can be used{first}.")
    if strict:
        there = lost + sum((own > 0).sum(0) for own in pixels.values())
        classes = list(zip(dataset.classes, lost.tolist(), there.tolist(), strict=True))
        refuse_many(dataset.root, notes.left_out, labeled, classes=classes)
    used = [str(path) for split in splits.values() for path in (*split.files, *split.masks) if isinstance(path, str)]
    used += [own.path for own in notes.left_out] + [file for _, file in notes.unlabeled] + [*notes.beside]
    plain = sum(int((own[:, 1:].sum(1) == 0).sum()) for own in pixels.values() if own.shape[1] > 1)
    remarks = [
        *dataset.remarks,
        *notes.remarks,
        *remarks_on_mends(notes.mends),
        *_said_of_plain(plain, dataset.classes),
        *_said_of_turned(turned),
        *said_of_stretched(wide),
        *remarks_on(notes.left_out, "pair"),
        *unused(dataset.root, used, expected=_LISTS),
    ]
    return replace(
        dataset, splits=splits, digests=digests, pixels=pixels, cards=cards, gray=gray, remarks=remarks,
        left_out=notes.left_out,
    )  # fmt: skip


def _classes_in(split: Masked, place: int, classes: int) -> NDArray[np.int64]:
    """Which classes the mask of a pair that cannot be used holds, ``(classes,)`` 0 and 1; 0 if it is the reason."""
    entry = split.masks[place]
    try:
        return np.sign(positions(split.read_mask(entry))[:classes]) if entry is not None else np.zeros(classes, int)
    except InputError:
        return np.zeros(classes, np.int64)


def _said_of_plain(count: int, classes: tuple[str, ...]) -> list[str]:
    masks = "1 mask holds" if count == 1 else f"{count:,} masks hold"
    return [f"{masks} {classes[0]} only: nothing but the first class."] if count else []


def _said_of_turned(count: int) -> list[str]:
    if not count:
        return []
    return [f"The masks of {counted(count)} lie as these do in their files (EXIF), and are turned with them."]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look at a pair found: hash, positions of each class, what is compared, whether gray, turned, stretched."""

    digest: bytes
    counts: NDArray[np.int64]
    card: Card | None
    gray: bool
    turned: bool
    stretched: bool


def _look(split: Masked, dataset: MaskSet, place: int) -> _Looked | str:
    """What is found, or why a pair cannot be used."""
    try:
        file, seen, wide = split.files[place], None, None
        if dataset.axes == 2:
            seen = read(file)
            wide = stretched(file, seen)
        else:
            refuse_elsewhere(file, split.masks[place])
        picture, mask, turned = split.look(place, seen if wide is None else wide)
    except InputError as error:
        return str(error)
    counts = positions(mask)
    if counts[STRANGE]:
        named = split.read_mask.given(split.masks[place], STRANGE) if isinstance(split.read_mask, ByValue) else []
        value = f"the value {named[0]}" if named else "a value"
        return (
            f"The mask of {split.files[place]} has {value} beyond the list of classes ({len(dataset.classes)}: "
            f"{', '.join(dataset.classes)}); add the class, or say --ignore {named[0] if named else 'VALUE'}."
        )
    counts = counts[: len(dataset.classes)]
    if not counts.any():
        return f"The mask of {split.files[place]} is empty: no position counts."
    gray = dataset.axes == 2 and is_gray(picture)
    card = card_of(picture) if dataset.axes == 2 else None
    return _Looked(digest_of(picture.tobytes(), mask.tobytes()), counts, card, gray, turned, wide is not None)


def _split(dataset: MaskSet, seed: int, val: float, test: float) -> MaskSet:
    """Cut val from train where it is missing, and test too where there are no splits."""
    source, names, shares = ("", ("train", "val", "test"), (val, test)) if "" in dataset.splits else (
        "train", ("train", "val"), (val,)
    )  # fmt: skip
    if source == "train" and ("val" in dataset.splits or "train" not in dataset.splits):
        if "train" not in dataset.splits:
            raise InputError(f"{dataset.root} has no pictures in the split train; add some.")
        return dataset
    whole, digests, pixels = dataset.splits[source], dataset.digests[source], dataset.pixels[source]
    cards = dataset.cards.get(source) or []
    number: dict[bytes, int] = {}
    groups = np.array([number.setdefault(digest, len(number)) for digest in digests], np.int64)
    cut = stratified(whole.labels, shares, seed=seed, groups=groups)
    filled = (pixels[:, 1:].sum(1) > 0).astype(np.int64)
    if not all(filled[part].any() for part in cut if len(part)):  # masks of the first class alone took a whole part
        cut = stratified(filled, shares, seed=seed, groups=groups)
    parts = dict(zip(names, cut, strict=True))
    if not len(parts["val"]):
        raise InputError(f"{dataset.root} has too few pictures for a val split; give at least two.")
    rest = {key: value for key, value in dataset.splits.items() if key != source}
    form = dataset.form + (f", split here (seed {seed})" if source == "" else f"; val is {val:.0%} of train")
    kept = {name: places for name, places in parts.items() if len(places)}
    return replace(
        dataset,
        form=form,
        splits={**{name: whole.take(places) for name, places in kept.items()}, **rest},
        digests={
            **{name: [digests[k] for k in places.tolist()] for name, places in kept.items()},
            **{name: dataset.digests[name] for name in rest},
        },
        cards={
            **{name: [cards[k] for k in places.tolist()] for name, places in kept.items() if cards},
            **{name: dataset.cards[name] for name in rest},
        },
        pixels={
            **{name: pixels[places] for name, places in kept.items()},
            **{name: dataset.pixels[name] for name in rest},
        },
    )
