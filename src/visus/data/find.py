r"""Find the pictures that a list names, though they lie elsewhere by now.

Lists come from other machines and from servers: ``/home/ann/set/img/1.jpg``, ``img\1.jpg``, ``images/1/1.jpg``,
``/data/upload/3/9a0b1c2d-1.jpg``, ``http://host/1.jpg?d=img%201.jpg``. What a name ends in is looked for below the
folder of the data set; it is taken if one picture alone fits.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from visus.data.layout_words import is_of_masks
from visus.data.splits import folders_in, paths_below, split_of
from visus.images import is_picture_name

_UPLOADED = re.compile(r"[0-9a-f]{8}-.")
"""What Label Studio puts before the name of a picture that is uploaded."""

_WITHOUT = re.compile(r"^(?:no|not|non|without)[-_ ]?")


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder below that of the data set.

    Attributes:
        parts: The names of the folders on the way to it.
        split: The split that one of these tells; empty where none does.
        masks: Whether it holds masks by one of these.
    """

    parts: tuple[str, ...]
    split: str
    masks: bool


_Place = tuple[str, _Folder]
"""A file and its folder."""


class Finder:
    """Finds pictures below a folder by what lists call them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def _by_name(self) -> dict[str, list[_Place]]:
        found: dict[str, list[_Place]] = defaultdict(list)
        folders: dict[str, _Folder] = {}
        for path in paths_below(self.root):
            outer, name = os.path.split(path)
            if outer not in folders:
                folders[outer] = _folder(Path(outer), self.root)
            found[_alike(name)].append((path, folders[outer]))
        return found

    @cached_property
    def _by_stem(self) -> dict[str, list[_Place]]:
        found: dict[str, list[_Place]] = defaultdict(list)
        for name, places in self._by_name.items():
            if is_picture_name(name):
                found[os.path.splitext(name)[0]] += places
        return found

    def find(self, name: str, *bases: Path, split: str = "") -> Path | None:
        """The file of a name; None where there is none, or several fit.

        Args:
            name: As a list has it.
            bases: Folders that it is looked for first; the folder of the data set is the last.
            split: The split that it belongs to; it is not looked for in a folder of another one.
        """
        for spelled in dict.fromkeys((name, *spellings(name))):
            if not spelled or "\0" in spelled:
                continue
            for base in (*bases, self.root):
                place = base / spelled
                if not os.path.isabs(spelled) and _is_file(place) and self._holds(place):
                    return Path(os.path.normpath(place))
        for spelled in spellings(name):
            parts = [part for part in spelled.split("/") if part not in ("", ".", "..")]
            if parts and (found := self._elsewhere(parts, split or split_in(parts[:-1]))):
                return found
            if parts and _UPLOADED.match(parts[-1]) and (found := self._elsewhere([parts[-1][9:]], split)):
                return found
        return None

    def _holds(self, place: Path) -> bool:
        return place.resolve().is_relative_to(self.root.resolve())

    def _elsewhere(self, parts: list[str], split: str) -> Path | None:
        """The one file that shares the longest end with a path; without an ending, a picture of that name."""
        last = _alike(parts[-1])
        places = self._by_name.get(last) or self._by_stem.get(last) or []
        if not is_of_masks(parts[:-1]):  # a mask has the name of its picture
            places = [own for own in places if not own[1].masks]
        if split:
            places = [own for own in places if own[1].split in ("", split)]
        if len(places) < 2:
            return Path(places[0][0]) if places else None
        shared = [shared_end(parts[:-1], folder.parts) for _, folder in places]
        best = max(shared)
        return Path(places[shared.index(best)][0]) if best and shared.count(best) == 1 else None


def _folder(folder: Path, root: Path) -> _Folder:
    parts = folder.relative_to(root).parts
    masks = [k for k, name in enumerate(parts) if is_of_masks([name]) and not _stands_beside_none(root, parts[: k + 1])]
    return _Folder(parts, split_in(parts), bool(masks))


def _stands_beside_none(root: Path, parts: Sequence[str]) -> bool:
    """Whether a folder called as one of masks is a class, by one beside it: ``mask`` with ``no_mask``."""
    what = parts[-1].casefold().rstrip("s")
    beside = root.joinpath(*parts[:-1])
    return any(_WITHOUT.sub("", own.name.casefold()).rstrip("s") == what != own.name.casefold().rstrip("s")
               for own in folders_in(beside))  # fmt: skip


def _alike(name: str) -> str:
    """A name without what differs by system: the case, and whether an accent is a letter of its own (macOS)."""
    return unicodedata.normalize("NFC", name).casefold()


def split_in(folders: Sequence[str]) -> str:
    """The split that the names of some folders tell; empty where none does.

    >>> split_in(["set", "Validation", "images"]), split_in(["images"])
    ('val', '')
    """
    return next((split for name in folders if (split := split_of(name))), "")


def _is_file(place: Path) -> bool:
    try:
        return place.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds what a name cannot
        return False


def shared_end(first: Sequence[str], second: Sequence[str]) -> int:
    """How many folders two paths share, from the last on, whatever the case.

    >>> shared_end(["set", "img"], ["other", "Img"])
    1
    """
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one.casefold() != other.casefold():
            break
        count += 1
    return count


def spellings(name: str) -> list[str]:
    r"""What a name may stand for: with / for \\, as the path of a URL, as what its query ``d`` names, unquoted.

    >>> spellings("http://host/data/local-files/?d=img%5Ca%20b.jpg")
    ['img/a b.jpg', '/data/local-files/']
    >>> spellings("img\\1.jpg")
    ['img/1.jpg']
    """
    found = []
    if "?" in name or "://" in name:
        try:
            parts = urlsplit(name)
        except ValueError:
            parts = urlsplit("")
        found += [value for value in parse_qs(parts.query).get("d", []) if value]
        found.append(parts.path)
    else:
        found.append(name)
    plain = [own.replace("\\", "/") for own in found]
    return list(dict.fromkeys([*plain, *(unquote(own).replace("\\", "/") for own in plain)]))
