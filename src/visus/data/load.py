"""Bring in labeled pictures, whatever their format, in splits."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visus._cores import cores
from visus._errors import InputError
from visus.data import check
from visus.data.folder import Named, is_folder_of_classes, read_folder, splits_of, to_pictures
from visus.data.idx import idx_files, read_idx
from visus.data.samples import LabelSet, Pictures, counted
from visus.data.split import stratified
from visus.data.table import read_table

Progress = Callable[[int, int], None]


def load(
    path: str | os.PathLike[str],
    *,
    seed: int = 0,
    val: float = 0.15,
    test: float = 0.15,
    progress: Progress | None = None,
) -> LabelSet:
    """Labeled pictures from a folder or a table; the format is recognized.

    * ``PATH/{train,val,test}/CLASS/*.jpg``, where val and test may be missing;
    * ``PATH/CLASS/*.jpg``, which is split here;
    * a CSV file, or a folder of pictures with a ``labels.csv``: columns ``file``, ``class`` and perhaps ``split``;
    * idx files as MNIST has them.

    Where there is no val split, it is taken from train; where there is no split at all, test is too. The cut is
    seeded and stratified, and copies of one picture stay together. Every picture is decoded once: what cannot be
    read is left out and said.

    Args:
        path: Folder or CSV file.
        seed: Of the split.
        val: Share of the pictures that becomes the val split where there is none.
        test: Share that becomes the test split where there are no splits.
        progress: Called with how many pictures were looked at, of how many.

    Raises:
        InputError: The format is not recognized, a class is empty, there is one class only, a split has a class
            that train has not, or ``val`` and ``test`` leave nothing to train on.
    """
    if not 0 < val < 1 or not 0 <= test < 1 or val + test >= 1:
        raise InputError(f"val and test must be shares that leave something to train on, not {val} and {test}.")
    dataset = _split(_checked(_read(Path(path).expanduser()), progress), seed, val, test)
    if len(dataset.classes) < 2:
        raise InputError(f"{path} has one class only ({', '.join(dataset.classes)}); a classifier needs at least two.")
    sentence = check.imbalance(dataset.counts("train"), dataset.classes)
    if sentence:
        dataset.remarks.append(sentence)
    return dataset


def load_whole(path: str | os.PathLike[str], *, progress: Progress | None = None) -> LabelSet:
    """Labeled pictures in the splits that are there, or in one called ``all``; nothing is cut.

    Raises:
        InputError: The format is not recognized, or a class is empty.
    """
    dataset = _checked(_read(Path(path).expanduser(), whole=True), progress)
    splits = {split or "all": pictures for split, pictures in dataset.splits.items()}
    digests = {split or "all": found for split, found in dataset.digests.items()}
    return replace(dataset, splits=splits, digests=digests)


def _read(path: Path, *, whole: bool = False) -> LabelSet:
    """The data set as it lies on the disk; the split is called ``""`` where there are none."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the spelling of the path.")
    if path.is_file():
        if path.suffix.lower() != ".csv":
            raise InputError(f"{path} is neither a folder nor a CSV file; give one of these.")
        return _named(path, "pictures listed in a table", read_table(path), whole)
    if idx_files(path):
        classes, splits = read_idx(path, whole=whole)
        gray = all(pictures.arrays is not None and pictures.arrays.ndim == 3 for pictures in splits.values())
        return LabelSet(path, "idx files", classes, splits, gray)
    if splits_of(path):
        return _named(path, "folders of classes, in splits", read_folder(path), whole)
    if is_folder_of_classes(path):
        return _named(path, "folders of classes", read_folder(path), whole)
    if (path / "labels.csv").is_file():
        return _named(path, "pictures listed in labels.csv", read_table(path / "labels.csv"), whole)
    raise InputError(
        f"{path} holds no labeled pictures; lay them out as CLASS/*.jpg or train/CLASS/*.jpg, or list them in a "
        "CSV file with the columns file and class."
    )


def _named(path: Path, form: str, named: Named, whole: bool) -> LabelSet:
    """From class names to numbers; train says which classes there are."""
    if "" in named and len(named) > 1:
        raise InputError(f"{path} gives some pictures a split and others none; give all of them one.")
    if "" not in named and "train" not in named and not whole:
        raise InputError(f"{path} has no pictures in the split train; add some.")
    leading = named.get("") or named.get("train") or next(iter(named.values()))
    classes = tuple(sorted(set(leading[1])))
    for name in classes:
        if not name.isprintable() or name.encode("utf-8", "ignore").decode() != name:
            shown = name.encode("utf-8", "backslashreplace").decode()
            raise InputError(f"The class {shown!r} in {path} has a name that is not UTF-8 text; rename its folder.")
    if not classes:
        raise InputError(f"{path} holds no classes to learn; add a folder of pictures for each.")
    for split, (_, names) in named.items():
        strange = sorted(set(names) - set(classes))
        if strange:
            raise InputError(
                f"The split {split} of {path} has the class {strange[0]!r}, which train has not; the classes are "
                f"{', '.join(classes)}."
            )
    return LabelSet(path, form, classes, {split: to_pictures(pair, classes) for split, pair in named.items()})


def _checked(dataset: LabelSet, progress: Progress | None) -> LabelSet:
    """Leave out what cannot be read, and say so; note the hash of each picture that can."""
    total = sum(len(pictures) for pictures in dataset.splits.values())
    splits: dict[str, Pictures] = {}
    digests: dict[str, list[bytes]] = {}
    failures: list[str] = []
    done = 0
    for split, pictures in dataset.splits.items():
        start = done
        found = check.look(
            pictures, threads=cores(), progress=(lambda k, _, s=start: progress(s + k, total)) if progress else None
        )
        done += len(pictures)
        splits[split] = pictures if len(found.readable) == len(pictures) else pictures.take(found.readable)
        digests[split] = found.digests
        failures += found.failures
        for label in range(len(dataset.classes)):
            if split in {"", "train"} and not (splits[split].labels == label).any():
                raise InputError(
                    f"The class {dataset.classes[label]} has no pictures to learn from in {dataset.root} that can be "
                    "read; bring some, or take the class away."
                )
    remarks = list(dataset.remarks)
    if failures:
        shown = " ".join(failures[:3]) + (" …" if len(failures) > 3 else "")
        remarks.append(f"Left out {counted(len(failures))} that cannot be read: {shown}")
    remarks += _doubles(splits, digests)
    return replace(dataset, splits=splits, remarks=remarks, digests=digests)


def _doubles(splits: dict[str, Pictures], digests: dict[str, list[bytes]]) -> list[str]:
    remarks = [
        f"{counted(count)} of {second} can be found in {first} too; what is measured on {second} will be too good. "
        f"Delete the copies from one of the two (visus duplicates finds near copies as well)."
        for (first, second), count in check.copies_across(digests).items()
    ]
    labels = np.concatenate([pictures.labels for pictures in splits.values()])
    count = check.contradictions([digest for found in digests.values() for digest in found], labels)
    if count:
        remarks.append(f"{counted(count)} can be found under more than one class; delete the wrong copies.")
    return remarks


def _split(dataset: LabelSet, seed: int, val: float, test: float) -> LabelSet:
    """Cut val from train where it is missing, and test too where there are no splits."""
    splits, digests, form = dict(dataset.splits), dict(dataset.digests), dataset.form

    def cut(source: str, names: tuple[str, ...], shares: tuple[float, ...]) -> None:
        """Replace a split by its parts."""
        whole, hashes = splits.pop(source), digests.pop(source)
        parts = stratified(whole.labels, shares, seed=seed, groups=_groups(hashes))
        for name, part in zip(names, parts, strict=True):
            splits[name] = whole.take(part)
            digests[name] = [hashes[k] for k in part.tolist()]

    if "" in splits:
        cut("", ("train", "val", "test"), (val, test))
        form += f", split here (seed {seed})"
    elif "val" not in splits:
        cut("train", ("train", "val"), (val,))
        form += f"; val is {val:.0%} of train (seed {seed})"
    ordered = [name for name in ("train", "val", "test") if name in splits and len(splits[name])]
    if "val" not in ordered:
        raise InputError(f"{dataset.root} has too few pictures for a val split; give at least two of each class.")
    return replace(
        dataset,
        form=form,
        splits={name: splits[name] for name in ordered},
        digests={name: digests[name] for name in ordered},
    )


def _groups(digests: list[bytes]) -> NDArray[np.int64]:
    """The same number for pictures with the same content."""
    number: dict[bytes, int] = {}
    return np.array([number.setdefault(digest, len(number)) for digest in digests], dtype=np.int64)
