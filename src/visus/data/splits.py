"""How people and tools spell the splits of a data set, whatever the case: one table for all formats."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

SPELLINGS = {
    "train": ("train", "training", "trn", "learn", "训练"),
    "val": ("val", "valid", "validation", "validate", "dev", "development", "publictest", "验证"),
    "test": ("test", "testing", "tst", "eval", "evaluation", "holdout", "privatetest", "测试"),
}
"""What each split may be called."""

_SPLIT_OF = {word: split for split, words in SPELLINGS.items() for word in words}
_WORDS = "|".join(sorted(_SPLIT_OF, key=len, reverse=True))
# seg_train and obj_train_data (Darknet); images_train, 1_train; train2017; Train Set, train-images, train (1)
_NAME = re.compile(
    rf"(?:(?:seg|obj|images?|imgs?|\d)[-_ ])?({_WORDS})"
    r"(?:[-_ ]?(?:data|set|split|crops?|images?|imgs?|img|pics|pictures|photos|jpg|png|dir|folder|list|集))?"
    r"(?:[-_ ]?\d{4})?(?: ?\(\d+\))?"
)
# cars_train, fold_3, train2, trainval, part1: whose, is not known
_LIKE_A_SPLIT = re.compile(
    rf"(?:.*[-_ ])?(?:{_WORDS}|trainval|train[-_]val|k?fold|cv|part|batch)(?:(?:[-_ ]|\d).*)?", re.IGNORECASE
)
_PASSED_OVER = ("__macosx", "$recycle.bin", "system volume information", "@eadir", "lost+found")
_LITTER = ("thumbs.db", "desktop.ini", "icon\r")


def split_of(name: str) -> str | None:
    """The split that a folder, a file without its ending, or a word in a table stands for; None for none.

    >>> split_of("Validation"), split_of("seg_train"), split_of("train2017"), split_of("trains")
    ('val', 'train', 'train', None)
    """
    match = _NAME.fullmatch(name.strip().lower())
    return _SPLIT_OF[match[1]] if match else None


def looks_like_a_split(name: str) -> bool:
    """Whether a name has a word for a split or for a part of a set in it: such a folder is hardly a class.

    >>> [looks_like_a_split(name) for name in ("cars_train", "fold1", "trainval", "test2", "trains", "contest")]
    [True, True, True, True, False, False]
    """
    return split_of(name) is not None or _LIKE_A_SPLIT.fullmatch(name.strip()) is not None


def is_passed_over(name: str) -> bool:
    """Whether a file or folder is nobody's data: hidden, or what a system leaves behind.

    >>> is_passed_over("__MACOSX"), is_passed_over("._cat.jpg"), is_passed_over("Thumbs.db"), is_passed_over("cat.jpg")
    (True, True, True, False)
    """
    return name.startswith(".") or name.lower() in _PASSED_OVER or name.lower() in _LITTER


def folders_in(folder: Path) -> list[Path]:
    """The folders in one, sorted, without those that are passed over."""
    with os.scandir(folder) as entries:  # which knows the kind of an entry without asking for it
        return sorted(Path(entry.path) for entry in entries if entry.is_dir() and not is_passed_over(entry.name))


def files_in(folder: Path) -> list[Path]:
    """The files in a folder, sorted, without those that are passed over."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if not is_passed_over(entry.name) and entry.is_file())


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and in all below it, each folder's sorted, without those that are passed over."""
    yield from map(Path, paths_below(folder))


def paths_below(folder: Path) -> Iterator[str]:
    """The same as text, which takes a fraction of the time where there are many."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_passed_over(name))
        yield from (os.path.join(place, name) for name in sorted(files) if not is_passed_over(name))


def seen_through(folder: Path) -> Path:
    """The folder itself, or the one inside that alone holds something: archives are often packed twice.

    A folder that stands for a split is entered only if the outer one has the same name (``seg_train/seg_train``).
    """
    while len(inner := folders_in(folder)) == 1 and not files_in(folder):
        doubled = inner[0].name == folder.name
        if not doubled and (split_of(inner[0].name) or not folders_in(inner[0])):
            return folder
        folder = inner[0]
    return folder
