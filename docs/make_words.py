"""Cut WordNet to what the default network knows: ``python -m docs.make_words FOLDER`` writes its two tables.

FOLDER holds ``data.noun`` and ``noun.exc`` of WordNet 3.0 (Miller, "WordNet: a lexical database for English",
Communications of the ACM 38, 1995), as Debian's package ``wordnet-base`` has them below ``/usr/share/wordnet``. What is
kept are the 1000 synsets of ImageNet, all that lie above them, and the irregular plurals of their names.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import timm

from visus.search.words.vocabulary import IRREGULAR, TREE, units

_TELLS_NOTHING = 900  # classes of a parent that is a kind of nearly everything
_CLASSES = Path(str(timm.__file__)).parent / "data" / "_info" / "imagenet_synsets.txt"
_NOTICE = (
    "# WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved.  The license is in WORDNET.txt.\n"
    "# Cut to the classes of ImageNet and their parents by docs/make_words.py.\n"
)


@dataclass(frozen=True, slots=True)
class Synset:
    """What WordNet says of one meaning.

    Attributes:
        names: Its words, the usual ones first.
        parents: Numbers of what it is a kind of.
    """

    names: tuple[str, ...]
    parents: tuple[str, ...]


def read(data: Path) -> dict[str, Synset]:
    """All meanings of nouns by their number; for the format of the file see wndb(5WN)."""
    found: dict[str, Synset] = {}
    for line in data.read_text(encoding="ascii").splitlines():
        if line.startswith("  "):  # the license
            continue
        fields = line.partition(" | ")[0].split(" ")
        words = int(fields[3], 16)
        names = tuple(name.replace("_", " ") for name in fields[4 : 4 + 2 * words : 2])
        pointers = fields[5 + 2 * words :]  # symbol, number, part of speech, and which words
        above = zip(pointers[::4], pointers[1::4], strict=False)
        found[f"n{fields[0]}"] = Synset(names, tuple(f"n{key}" for sign, key in above if sign in ("@", "@i")))
    return found


def kept(synsets: dict[str, Synset], classes: list[str]) -> dict[str, set[int]]:
    """The classes and all that lie above them, each with the numbers of the classes that are a kind of it."""
    found: dict[str, set[int]] = {}
    for number, key in enumerate(classes):
        left = [key]
        while left:
            own = left.pop()
            if number not in found.setdefault(own, set()):
                found[own].add(number)
                left += synsets[own].parents
    return {key: numbers for key, numbers in found.items() if len(numbers) < _TELLS_NOTHING}


def main(folder: Path) -> None:
    """Write ``wordnet.tsv`` and ``plurals.tsv`` beside :mod:`visus.search.words.vocabulary`."""
    synsets, classes = read(folder / "data.noun"), _CLASSES.read_text(encoding="ascii").split()
    kinds = kept(synsets, classes)
    parents = sorted((key for key in kinds if key not in classes), key=lambda key: (-len(kinds[key]), key))
    lines = []
    for key in [*classes, *parents]:
        number = str(classes.index(key)) if key in classes else ""
        above = ",".join(own for own in synsets[key].parents if own in kinds)
        lines.append("\t".join((key, number, above, "; ".join(synsets[key].names))))
    TREE.write_text(_NOTICE + "\n".join(lines) + "\n", encoding="utf-8")

    last = {own[-1] for key in kinds for name in synsets[key].names if (own := units(name))}
    pairs = (line.split(" ")[:2] for line in (folder / "noun.exc").read_text(encoding="ascii").splitlines())
    irregular = [f"{many}\t{one}" for many, one in pairs if one in last and "_" not in many]
    IRREGULAR.write_text(_NOTICE + "\n".join(irregular) + "\n", encoding="utf-8")
    print(f"{len(classes)} classes, {len(parents)} parents, {len(irregular)} irregular plurals")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet"))
