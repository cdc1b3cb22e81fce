"""WordNet's codes of ImageNet's classes (``n01440764``): which number a development kit gives them, and their words."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from visus._errors import InputError
from visus.data.splits import files_in
from visus.data.texts import text_of

_CODE = re.compile(r"n\d{8}")
_LISTS = ("LOC_synset_mapping.txt", "synset_words.txt", "words.txt", "Labels.json")
_MOST = 4 << 20  # bytes of a list that is opened


def words_of(classes: Sequence[str], root: Path) -> dict[str, str]:
    """The words for classes that are codes, by the set's own list or, without one, by timm's; of those that are known.

    >>> words_of(["cat", "dog"], Path("."))
    {}
    """
    if not classes or not all(map(_CODE.fullmatch, classes)):
        return {}
    places = [own / name for own in (root, *root.parents[:1]) for name in _LISTS] + _of_timm()
    for path in places:
        with suppress(InputError, OSError, ValueError, RecursionError):
            if path.is_file() and path.stat().st_size <= _MOST and (known := _words_in(path)).keys() & set(classes):
                return {code: known[code] for code in classes if code in known}
    return {}


def _of_timm() -> list[Path]:
    """Its list of all of ImageNet's classes, without importing it."""
    found = find_spec("timm")
    folders = (found.submodule_search_locations or []) if found else []
    return [Path(own, "data", "_info", "imagenet_synset_to_lemma.txt") for own in folders]


def _words_in(path: Path) -> dict[str, str]:
    """The first word for each code of a list: a code and, behind a space or a tab, its words, between commas."""
    text = text_of(path)
    if path.suffix == ".json":
        content = json.loads(text)
        pairs = [(str(code), str(words)) for code, words in content.items()] if isinstance(content, dict) else []
    else:
        pairs = [(own[0], own[1]) for line in text.splitlines() if len(own := line.strip().split(maxsplit=1)) == 2]
    return {code: words.split(",")[0].strip().replace("_", " ") for code, words in pairs if _CODE.fullmatch(code)}


def codes_by_number(folder: Path) -> dict[int, str]:
    """The code of each number of a development kit, by ``map_clsloc.txt`` or ``meta.mat``; empty without these."""
    for path in files_in(folder):
        with suppress(InputError, OSError, ValueError, KeyError, TypeError, IndexError, NotImplementedError):
            if path.name == "map_clsloc.txt":
                rows = [line.split() for line in text_of(path).splitlines() if line.strip()]
                return {int(own[1]): own[0] for own in rows}
            if path.name == "meta.mat" and path.stat().st_size <= _MOST:
                return _codes_of_meta(path)
    return {}


def _codes_of_meta(path: Path) -> dict[int, str]:
    from scipy.io import loadmat

    synsets = loadmat(path, squeeze_me=True, variable_names=["synsets"])["synsets"]
    return {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in synsets.ravel()}
