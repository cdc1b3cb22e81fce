"""Bring in pictures or volumes with masks, whatever their format, in splits."""

import contextlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.data import coco
from visus.data.check import digest_of
from visus.data.mask_layouts import LAYOUTS, VOC_CLASSES, Pairs, folder_pairs, voc_pairs
from visus.data.masks import (
    IGNORE,
    MOST_CLASSES,
    ByColor,
    ByValue,
    ClassList,
    Masked,
    MaskSet,
    colors,
    read_class_list,
    read_values,
)
from visus.data.split import stratified
from visus.data.volumes import read_label_volume, read_volume, volume_pairs
from visus.images import read

Progress = Callable[[int, int], None]


def load_masks(
    path: str | os.PathLike[str],
    *,
    ignore: Sequence[str] = (),
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    progress: Progress | None = None,
) -> MaskSet:
    """Pictures or volumes with masks from a folder; the format is recognized.

    * ``PATH/{train,val,test}/images/*`` with ``PATH/{train,val,test}/masks/*.png`` (or ``labels``), or ``PATH/images``
      with ``PATH/masks``, which is split here; masks hold a number for each class, or colors;
    * Pascal VOC: ``JPEGImages``, ``SegmentationClass``, ``ImageSets/Segmentation``;
    * COCO: ``train.json`` beside ``train/``, or ``annotations/instances_train2017.json``;
    * NIfTI volumes: ``imagesTr/*.nii.gz`` with ``labelsTr``.

    Classes are named in ``classes.txt`` or, with their colors, in ``classes.csv``; without, they are called by the
    values that the masks hold. The value 255 does not count, unless it is the only one beside 0. Every picture and
    mask is read once: pairs that cannot be used are left out and said.

    Args:
        path: The folder.
        ignore: Classes, by name or by value, that do not count.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, a mask has a value beyond the list of classes, nothing is left,
            there are less than two classes, or ``val`` and ``test`` leave nothing to train on.
    """
    if not 0 < val < 1 or not 0 <= test < 1 or val + test >= 1:
        raise InputError(f"val and test must be shares that leave something to train on, not {val} and {test}.")
    whole = load_masks_whole(path, ignore=ignore, progress=progress, training=True)
    found = _split(whole, seed, val, test)
    missing = [name for k, name in enumerate(found.classes) if not found.pixels["train"][:, k].any()]
    if missing:
        found.remarks.append(f"Not in any training mask, and so not learned: {', '.join(missing)}.")
    if len(found.classes) < 2:
        raise InputError(
            f"The masks in {path} have one class only ({', '.join(found.classes)}); at least 2 are needed."
        )
    return found


def load_masks_whole(
    path: str | os.PathLike[str],
    *,
    ignore: Sequence[str] = (),
    progress: Progress | None = None,
    training: bool = False,
    insist: bool = True,
) -> MaskSet:
    """Pictures with masks in the splits that are there, or in one called ``all``; nothing is cut.

    Args:
        path: The folder.
        ignore: Classes that do not count.
        progress: Called with how many were looked at, of how many.
        training: Whether a set without splits stays without, to be split later.
        insist: Whether a class that is to be ignored must be there.

    Raises:
        InputError: The format is not recognized, or a mask has a value beyond the list of classes.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise InputError(f"{root} is no folder of pictures with masks; lay them out as {LAYOUTS}.")
    splits, form, named, axes = _read(root, _Ignore(tuple(ignore), insist), progress)
    dataset = _checked(MaskSet(root, form, named[0], splits, named[1], axes), progress)
    if training or "" not in dataset.splits:
        return dataset
    splits, digests, pixels = ({"all": part[""]} for part in (dataset.splits, dataset.digests, dataset.pixels))
    return replace(dataset, splits=splits, digests=digests, pixels=pixels)


@dataclass(frozen=True, slots=True)
class _Ignore:
    """Classes that do not count, and whether they must be there."""

    names: tuple[str, ...]
    insist: bool


def _read(
    root: Path, ignore: _Ignore, progress: Progress | None
) -> tuple[dict[str, Masked], str, tuple[tuple[str, ...], NDArray[np.uint8]], int]:
    """Splits, form, classes with palette, and axes of the folder."""
    listed = read_class_list(root)
    if (root / "imagesTr").is_dir() and (root / "labelsTr").is_dir():
        pairs, form, axes, values = volume_pairs(root), "NIfTI volumes", 3, read_label_volume
    elif (root / "JPEGImages").is_dir() and (root / "SegmentationClass").is_dir():
        pairs, form, axes, values = voc_pairs(root), "Pascal VOC", 2, read_values
        listed = listed or ClassList(VOC_CLASSES)
    elif files := coco.annotation_files(root):
        names, pairs = coco.read_coco(files)
        classes, lookup = _without_ignored(names, range(len(names)), ignore, root)
        read_mask = partial(_drawn, lookup=lookup)
        return _masked(pairs, read_mask, read), "COCO's objects", (classes, colors(len(classes))), 2
    else:
        pairs, form, axes, values = folder_pairs(root), "pictures with masks", 2, read_values
    if listed and listed.palette is not None:
        classes, lookup = _without_ignored(listed.names, range(len(listed.names)), ignore, root)
        codes = (listed.palette.astype(np.int64) @ np.array([65536, 256, 1])).tolist()
        kept = [k for k in range(len(listed.names)) if lookup[k] != IGNORE]
        palette = listed.palette[kept]
        if axes == 3:
            return _masked(pairs, _LabelVolume(lookup), read_volume), form, (classes, palette), axes
        if _any_in_color(pairs):
            by_color = ByColor({code: int(lookup[k]) for k, code in enumerate(codes)})
            return _masked(pairs, by_color, read), f"{form} in colors", (classes, palette), axes
        return _masked(pairs, ByValue(lookup), read), form, (classes, palette), axes
    if listed:
        classes, lookup = _without_ignored(listed.names, range(len(listed.names)), ignore, root)
        if len(listed.names) == 2 and _values_of(pairs, values, progress) == [0, IGNORE]:  # black and white
            lookup[IGNORE] = lookup[1]
    else:
        seen = _values_of(pairs, values, progress)
        classes, lookup = _without_ignored([str(v) for v in seen], seen, ignore, root)
    read_mask = _LabelVolume(lookup) if axes == 3 else ByValue(lookup)
    reading = read_volume if axes == 3 else read
    return _masked(pairs, read_mask, reading), form, (classes, colors(len(classes))), axes


class _LabelVolume(ByValue):
    """Reads the mask of a volume."""

    def __call__(self, path: str) -> NDArray[np.uint8]:
        return self.lookup[read_label_volume(path)]


def _drawn(objects: coco.Objects, lookup: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return lookup[coco.draw(objects)]


def _masked(pairs: Pairs, read_mask: Callable[[Any], Any], reading: Callable[[str], Any]) -> dict[str, Masked]:
    return {split: Masked(files, masks, read_mask, reading) for split, (files, masks) in pairs.items()}


def _without_ignored(
    names: Sequence[str], values: Sequence[int], ignore: _Ignore, root: Path
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """The classes that count, and the class of each value; a value that no class has becomes 254, which is refused.

    Raises:
        InputError: There is no class that is to be ignored, or there are too many.
    """
    known = {*names, *(str(v) for v in values)}
    strange = [entry for entry in ignore.names if entry not in known and entry != str(IGNORE)]
    if strange and ignore.insist:
        raise InputError(f"There is no class {strange[0]!r} to ignore in {root}; there are {', '.join(names)}.")
    if len(names) > MOST_CLASSES - 1:
        raise InputError(f"{root} has {len(names)} classes; a mask holds up to {MOST_CLASSES - 1}.")
    lookup = np.full(256, _STRANGE, np.uint8)
    lookup[IGNORE] = IGNORE
    kept: list[str] = []
    for name, value in zip(names, values, strict=True):
        if name in ignore.names or str(value) in ignore.names:
            lookup[value] = IGNORE
        else:
            lookup[value] = len(kept)
            kept.append(name)
    return tuple(kept), lookup


_STRANGE = 254


def _any_in_color(pairs: Pairs) -> bool:
    """Whether some mask that can be read holds colors; a black one may belong to them."""

    def colored(path: str) -> bool:
        with contextlib.suppress(InputError):
            return read_values(path).ndim == 3
        return False

    paths = [mask for _, masks in pairs.values() for mask in masks]
    with ThreadPoolExecutor(cores()) as pool:
        return any(pool.map(colored, paths))


def _values_of(pairs: Pairs, values: Callable[[str], NDArray[Any]], progress: Progress | None) -> list[int]:
    """All values that the training masks hold, but for 255 where there are others beside 0.

    Raises:
        InputError: A mask is in color, or none can be read.
    """
    leading = (pairs.get("") or pairs.get("train") or next(iter(pairs.values()), ([], [])))[1]

    def of(path: str) -> set[int]:
        try:
            found = values(path)
        except InputError:  # said when all pairs are looked at
            return set()
        if found.ndim == 3 and found.shape[-1] == 3 and values is read_values:
            raise _colored(path)
        return set(np.unique(found).tolist())

    seen: set[int] = set()
    with ThreadPoolExecutor(cores()) as pool:
        for done, found in enumerate(pool.map(of, leading), 1):
            seen |= found
            if progress:
                progress(done, len(leading))
    if not seen:
        raise InputError("No training mask can be read, so that the classes are not known; bring some.")
    return sorted(seen if seen <= {0, IGNORE} else seen - {IGNORE})


def _colored(path: str) -> InputError:
    return InputError(f"The mask {path} is in color; name its classes in a classes.csv (name,red,green,blue).")


def _checked(dataset: MaskSet, progress: Progress | None) -> MaskSet:
    """Leave out pairs that cannot be used, and say so; count the positions of each class."""
    total = sum(len(split) for split in dataset.splits.values())
    splits, digests, pixels = {}, {}, {}
    failures: list[str] = []
    gray, done = dataset.axes == 2, 0
    for name, split in dataset.splits.items():
        kept, digests[name], rows = [], [], []
        with ThreadPoolExecutor(cores()) as pool:
            for place, answer in enumerate(pool.map(partial(_look, split, dataset), range(len(split)))):
                done += 1
                if progress:
                    progress(done, total)
                if isinstance(answer, str):
                    failures.append(answer)
                    continue
                kept.append(place)
                digests[name].append(answer[0])
                rows.append(answer[1])
                gray &= answer[2]
        splits[name] = split.take(np.array(kept, np.int64))
        pixels[name] = np.array(rows, np.int64).reshape(len(rows), len(dataset.classes))
    leading = splits.get("", splits.get("train"))
    if leading is not None and not len(leading):
        detail = f" (the first: {failures[0]})" if failures else ""
        raise InputError(f"{dataset.root} has no picture with a mask to learn from{detail}; bring some.")
    empty = next((name for name, split in splits.items() if not len(split)), None)
    if empty is not None and len(dataset.splits[empty]):
        raise InputError(f"No pair of the split {empty} of {dataset.root} can be used (the first: {failures[0]}).")
    remarks = list(dataset.remarks)
    plain = {name: int((own[:, 1:].sum(1) == 0).sum()) for name, own in pixels.items() if own.shape[1] > 1}
    if total := sum(plain.values()):
        masks = "1 mask holds" if total == 1 else f"{total:,} masks hold"
        remarks.append(f"{masks} {dataset.classes[0]} only: nothing but the first class.")
    if failures:
        shown = " ".join(failures[:3]) + (" …" if len(failures) > 3 else "")
        count = "1 pair" if len(failures) == 1 else f"{len(failures):,} pairs"
        remarks.append(f"Left out {count} of picture and mask: {shown}")
    return replace(dataset, splits=splits, digests=digests, pixels=pixels, gray=gray, remarks=remarks)


def _look(split: Masked, dataset: MaskSet, place: int) -> tuple[bytes, NDArray[np.int64], bool] | str:
    """Hash, positions of each class, and whether it is gray; or why a pair cannot be used.

    Raises:
        InputError: A mask has a value that no class has.
    """
    try:
        picture, mask = split.read(place)
    except InputError as error:
        return str(error)
    counts = np.bincount(mask.ravel(), minlength=256)
    if counts[_STRANGE]:
        raise InputError(
            f"The mask of {split.files[place]} has a value beyond the list of classes ({len(dataset.classes)}: "
            f"{', '.join(dataset.classes)}); add the class, or say --ignore VALUE."
        )
    counts = counts[: len(dataset.classes)]
    if not counts.any():
        return f"The mask of {split.files[place]} is empty: no position counts."
    gray = dataset.axes == 2 and bool((picture == picture[..., :1]).all())
    return digest_of(picture.tobytes() + mask.tobytes()), counts, gray


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
    number: dict[bytes, int] = {}
    groups = np.array([number.setdefault(digest, len(number)) for digest in digests], np.int64)
    parts = dict(zip(names, stratified(whole.labels, shares, seed=seed, groups=groups), strict=True))
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
        pixels={
            **{name: pixels[places] for name, places in kept.items()},
            **{name: dataset.pixels[name] for name in rest},
        },
    )
