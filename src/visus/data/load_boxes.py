"""Bring in pictures with boxes around their objects, whatever their format, in splits."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from visus._cores import cores
from visus._errors import InputError
from visus.data import coco, voc, yolo
from visus.data.boxes import Boxed, BoxSet, Objects, mended, objects
from visus.data.check import digest_of
from visus.data.coco_boxes import read_coco_boxes
from visus.data.split import stratified
from visus.data.upright import sideways, turned
from visus.images import read

Progress = Callable[[int, int], None]
Rows = tuple[list[str], list[list[dict[str, Any]]]]
_THINNEST = 100  # how many times longer than wide a picture may be
LAYOUTS = "JPEGImages with Annotations (VOC), train with train.json (COCO), or images with labels (YOLO)"
_ORDER = ("", "train", "val", "test")


def load_boxes(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    progress: Progress | None = None,
) -> BoxSet:
    """Pictures with boxes from a folder; the format is recognized.

    * Pascal VOC: ``JPEGImages``, ``Annotations/*.xml``, ``ImageSets/Main``; ``images`` with ``annotations/*.xml``, or
      pictures and XML files side by side;
    * COCO: ``train.json`` beside ``train/``, ``annotations/instances_train2017.json``,
      ``train/_annotations.coco.json``, or one JSON file for all: boxes, polygons, run lengths, crowds;
    * YOLO: ``images`` with ``labels/*.txt``, or pictures and text files side by side (boxes or polygons), and
      ``data.yaml`` or ``classes.txt``.

    Every picture is read once. Those that cannot be read are left out; boxes beyond the border are cut; boxes without
    area, with NaN, or of unknown categories are left out; each is counted in a remark. A picture without objects is
    one to learn from, too.

    Args:
        path: The folder.
        seed: Of the split.
        val: Share that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        progress: Called with how many were looked at, of how many.

    Raises:
        InputError: The format is not recognized, an annotation is damaged, no object is left to learn from, or ``val``
            and ``test`` leave nothing to train on.
    """
    if not 0 < val < 1 or not 0 <= test < 1 or val + test >= 1:
        raise InputError(f"val and test must be shares that leave something to train on, not {val} and {test}.")
    found = _split(_load(path, progress), seed, val, test)
    said = " ".join(found.remarks)
    empty = next((name for name in ("train", "val") if not len(found.splits[name])), None)
    if empty is not None:
        raise InputError(f"No picture of the split {empty} of {path} can be used; bring some. {said}".strip())
    if not found.counts("train").sum():
        raise InputError(f"The training pictures in {path} have no objects; bring some. {said}".strip())
    missing = [name for name, count in zip(found.classes, found.counts("train"), strict=True) if not count]
    if missing:
        found.remarks.append(f"On no training picture, and so not learned: {', '.join(missing)}.")
    return found


def load_boxes_whole(path: str | os.PathLike[str], *, progress: Progress | None = None) -> BoxSet:
    """Pictures with boxes in the splits that are there, or in one called ``all``; nothing is cut.

    Raises:
        InputError: The format is not recognized, or an annotation is damaged.
    """
    found = _load(path, progress)
    if "" not in found.splits:
        return found
    return replace(found, splits={"all": found.splits[""]}, digests={"all": found.digests[""]})


def _load(path: str | os.PathLike[str], progress: Progress | None) -> BoxSet:
    root = Path(path).expanduser()
    if not root.is_dir():
        raise InputError(f"{root} is no folder of pictures with boxes; lay them out as {LAYOUTS}.")
    mends: Counter[str] = Counter()
    if voc.is_voc(root):
        form, classes, splits = "Pascal VOC", None, voc.read_voc(root)
        remarks = voc.unlisted(root, splits)
    elif files := coco.annotation_files(root):
        form, remarks = "COCO", []
        classes, splits = read_coco_boxes(files, mends)
    elif yolo.is_yolo(root):
        form, remarks = "YOLO", yolo.remarks_on(root)
        classes, splits = _yolo(root, mends)
    else:
        raise InputError(f"{root} holds no pictures with boxes; lay them out as {LAYOUTS}.")
    if classes is None:
        classes = tuple(sorted({row["name"] for _, lists in splits.values() for rows in lists for row in rows}))
    if not classes:
        raise InputError(f"{root} has no objects at all; bring annotations.")
    ordered = {name: splits[name] for name in _ORDER if name in splits}
    found = _checked(BoxSet(root, form, classes, {}), ordered, mends, progress)
    return replace(found, remarks=[*remarks, *found.remarks])


def _yolo(root: Path, mends: Counter[str]) -> tuple[tuple[str, ...], dict[str, Rows]]:
    """Lines by split; numbers become objects when the size of their picture is known."""
    names, splits = yolo.read_yolo(root, mends)
    most = max((int(line[0]) for _, lists in splits.values() for lines in lists for line in lines), default=-1)
    if names is None:
        if most >= 1000:
            raise InputError(f"{root} has a class {most} and no names; name the classes in data.yaml.")
        names = tuple(str(k) for k in range(most + 1))
    return names, {
        s: (files, [[{"line": line} for line in lines] for lines in lists]) for s, (files, lists) in splits.items()
    }


def _checked(dataset: BoxSet, splits: dict[str, Rows], mends: Counter[str], progress: Progress | None) -> BoxSet:
    """Read every picture once; leave out what cannot be used, and say so."""
    total, done = sum(len(files) for files, _ in splits.values()), 0
    failures: list[str] = []
    kept: dict[str, Boxed] = {}
    digests: dict[str, list[bytes]] = {}
    for name, (files, lists) in splits.items():
        good: list[tuple[str, Objects]] = []
        digests[name] = []
        with ThreadPoolExecutor(cores()) as pool:
            look = partial(_look, classes=dataset.classes)
            for file, answer in zip(files, pool.map(look, files, lists), strict=True):
                done += 1
                if progress:
                    progress(done, total)
                if isinstance(answer, str):
                    failures.append(answer)
                    continue
                digest, own, counted = answer
                mends.update(counted)
                good.append((file, own))
                digests[name].append(digest)
        kept[name] = Boxed([file for file, _ in good], [own for _, own in good])
    if not any(len(split) for split in kept.values()):
        detail = f" (the first: {failures[0]})" if failures else ""
        raise InputError(f"No picture of {dataset.root} can be used{detail}; bring some.")
    return replace(dataset, splits=kept, digests=digests, remarks=_remarks(failures, mends))


def _remarks(failures: list[str], mends: Counter[str]) -> list[str]:
    remarks = [
        f"{count:,} {'object' if count == 1 else 'objects'} {reason}." for reason, count in mends.items() if count
    ]
    if failures:
        shown = " ".join(failures[:3]) + (" …" if len(failures) > 3 else "")
        count = "1 picture" if len(failures) == 1 else f"{len(failures):,} pictures"
        remarks.append(f"Left out {count}: {shown}")
    return remarks


def _look(file: str, rows: list[dict[str, Any]], classes: tuple[str, ...]) -> tuple[bytes, Objects, Counter[str]] | str:
    """Hash, objects, and what was mended; or why the picture cannot be used."""
    try:
        picture = read(file)
    except InputError as error:
        return str(error)
    size = (picture.shape[0], picture.shape[1])
    if max(size) > _THINNEST * min(size):
        return f"{file} is {size[1]}x{size[0]} pixels, which is too thin; cut it."
    counted: Counter[str] = Counter()
    told = {row["size"] for row in rows if row.get("size")}
    if told == {size[::-1]} != {size} and (orientation := sideways(file)):
        try:
            for shape in filter(None, (row.get("shape") for row in rows)):
                coco.decode(shape, size[::-1])  # whether it can be read at all
            rows = [turned(row, orientation, size[::-1]) for row in rows]
        except InputError as error:
            return f"{file}: {error}"
        counted["turned with the picture, which lies on its side in the file"] += len(rows)
    elif told and told != {size}:
        height, width = told.pop()
        return (
            f"The annotation of {file} is for {width}x{height} pixels, and the upright picture has "
            f"{size[1]}x{size[0]}; bring the picture that it belongs to."
        )
    made = []
    for row in rows:
        own = yolo.row_of(row["line"], size) if "line" in row else {**row, "label": classes.index(row["name"])}
        if own["label"] >= len(classes):
            counted["of an unknown category, left out"] += 1
            continue
        made.append(own)
    found = mended(objects(made), size, counted)
    for shape in found.shapes:
        if shape:
            try:
                coco.decode(shape, size)
            except InputError as error:
                return f"{file}: {error}"
    return digest_of(picture.tobytes()), found, counted


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
    whole, digests = dataset.splits[source], dataset.digests[source]
    number: dict[bytes, int] = {}
    groups = np.array([number.setdefault(digest, len(number)) for digest in digests], np.int64)
    parts = _filled(dict(zip(names, stratified(whole.labels, shares, seed=seed, groups=groups), strict=True)), dataset)
    rest = [name for name in dataset.splits if name != source]
    form = dataset.form + (f", split here (seed {seed})" if source == "" else f"; val is {val:.0%} of train")
    splits = {name: whole.take(places) for name, places in parts.items()}
    own = {name: [digests[k] for k in places.tolist()] for name, places in parts.items()}
    return replace(
        dataset,
        form=form,
        splits={**splits, **{name: dataset.splits[name] for name in rest}},
        digests={**own, **{name: dataset.digests[name] for name in rest}},
    )


def _filled(parts: dict[str, Any], dataset: BoxSet) -> dict[str, Any]:
    """The parts that hold pictures.

    Raises:
        InputError: Nothing is left for val.
    """
    if not len(parts["val"]):
        raise InputError(f"{dataset.root} has too few pictures for a val split; give at least two.")
    return {name: places for name, places in parts.items() if len(places)}
