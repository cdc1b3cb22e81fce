"""The words that a network knows: names of its classes and of their parents, whole words only.

The default network's words are the names of ImageNet's classes, of all that lies above them in WordNet's tree (a dog is
any of its 118 breeds), and of what people type and WordNet names otherwise; in English and Chinese. A trained run's
words are the names of its classes.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from visus._errors import InputError

_FOLDER = Path(__file__).parent
TREE = _FOLDER / "wordnet.tsv"
"""WordNet's number, the number of the class if it is one, parents and names of each meaning, tab between them."""
IRREGULAR = _FOLDER / "plurals.tsv"
"""Plural and singular."""
EVERYDAY = _FOLDER / "everyday.tsv"
"""A word, and the classes and parents that it means."""
CHINESE = _FOLDER / "chinese.tsv"
"""A class, a parent or an everyday word, and its Chinese names."""

LONGEST = 300
"""Characters of a phrase at most."""

_LONGEST_NAME = 10  # units of a name
_NEAR = 5  # words that are proposed in place of one that is not known
_UNIT = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_\u3400-\u9fff\uf900-\ufaff]+")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_ENGLISH = (
    *("a", "an", "the", "of", "in", "on", "at", "by", "to", "with", "and", "near", "under", "over", "some", "my"),
    *("this", "that", "is", "are", "there", "photo", "photos", "picture", "pictures", "image", "images"),
)
_SAY_NOTHING = frozenset([*_ENGLISH, *"的在里中上下旁边和与及有是一只个张条匹头辆群些我照片图像"])


class UnknownWordsError(InputError):
    """A phrase holds words that the network does not know."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is understood.

    Attributes:
        text: What was typed.
        kinds: Numbers of the classes that it names, rising.
    """

    text: str
    kinds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a phrase is understood.

    Attributes:
        words: The words that name something, in their order.
        left_out: Those that name nothing, such as articles.
    """

    words: tuple[Word, ...]
    left_out: tuple[str, ...]


def units(text: str) -> tuple[str, ...]:
    """The parts of a text that names are made of: words in small letters, and single Chinese characters.

    >>> units("Jack-o'-lantern"), units("T恤衫")
    (('jack', 'o', 'lantern'), ('t', '恤', '衫'))
    """
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return tuple(_UNIT.findall(plain))


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The words that a network knows.

    Attributes:
        classes: A name of each class, in the order of the network's logits.
        names: For each name, as :func:`units` has it, the numbers of the classes that are of its kind, rising.
        plain: Names of classes, not of kinds.
        singulars: What may be the singular of a name that is a plural, and the same numbers.
        chinese: A Chinese name of each class; empty where there are none.
    """

    classes: tuple[str, ...]
    names: Mapping[tuple[str, ...], tuple[int, ...]]
    plain: frozenset[tuple[str, ...]]
    singulars: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    chinese: tuple[str, ...] = ()

    def kinds(self, name: tuple[str, ...]) -> tuple[int, ...]:
        """The classes that a whole name means, in the singular or plural; none where it is not known."""
        for own in _singulars(name):
            if found := self.names.get(own) or self.singulars.get(own):
                return found
        return ()

    def read(self, phrase: str) -> Reading:
        """The words of a phrase: as few as possible, so that "hot dog" is no dog.

        Args:
            phrase: English or Chinese, at most 300 characters.

        Raises:
            UnknownWordsError: A word is not known, or none says anything; the sentence names near ones.
            InputError: The phrase is too long.
        """
        if len(phrase) > LONGEST:
            raise InputError(f"Words of a search have at most {LONGEST} characters, not {len(phrase)}; say it shorter.")
        parts = units(phrase)
        whole = self.kinds(parts)
        found = [(parts, whole)] if whole else _shortest(parts, self)
        unknown = [" ".join(own) for own, kinds in found if kinds is None]
        if not whole and parts and all(own in _SAY_NOTHING for own in parts):
            said = f"{phrase.strip()!r} names nothing that a picture shows; say what does, such as elephants."
            raise UnknownWordsError(said)
        words = tuple(Word(_joined(own), kinds) for own, kinds in found if kinds)
        if unknown or not words:
            raise self._unknown(_runs(found) or [phrase.strip()])
        return Reading(words, tuple(_joined(own) for own, kinds in found if kinds == ()))

    def near(self, text: str, count: int = _NEAR) -> list[str]:
        """Known names that are most like a text: those that hold it first, then those that are spelled alike."""
        import difflib

        asked = units(text)
        names = {_joined(name): name for name in self.names}
        held = sorted((own for own, name in names.items() if _holds(name, asked)), key=lambda own: (len(own), own))
        begun = sorted((own for own in names if asked and own.startswith(_joined(asked))), key=len)
        alike = difflib.get_close_matches(_joined(asked), names, count, 0.6)
        return list(dict.fromkeys([*held, *begun, *alike]))[:count]

    def told(self, word: Word, most: int = 4) -> str:
        """Some of the classes that a word means, for people: in Chinese, where it is Chinese."""
        known = self.chinese if self.chinese and _CHINESE.search(word.text) else self.classes
        names = ", ".join(known[kind] for kind in word.kinds[:most])
        return f"{names} ..." if len(word.kinds) > most else names

    def is_name(self, word: Word) -> bool:
        """Whether a word is a name of its only class, so that nobody need be told what it means."""
        known = self.plain | self.singulars.keys()
        return len(word.kinds) == 1 and any(own in known for own in _singulars(units(word.text)))

    def _unknown(self, words: Sequence[str]) -> UnknownWordsError:
        near = list(dict.fromkeys(own for word in words[:_NEAR] for own in self.near(word)))[: 2 * _NEAR]
        quoted = ", ".join(repr(word) for word in words[:_NEAR]) + (" ..." if len(words) > _NEAR else "")
        known = f"the nearest that are: {', '.join(near)}" if near else "nor is any like it"
        return UnknownWordsError(
            f"{quoted} {'is' if len(words) == 1 else 'are'} not among the {len(self.names):,} words that this index "
            f"knows; {known}."
        )


def _joined(name: Sequence[str]) -> str:
    """A name as people write it: no spaces between Chinese characters."""
    return re.sub(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])", "", " ".join(name))


def _holds(name: tuple[str, ...], part: tuple[str, ...]) -> bool:
    return bool(part) and any(name[k : k + len(part)] == part for k in range(len(name) - len(part) + 1))


def _runs(found: Sequence[tuple[tuple[str, ...], tuple[int, ...] | None]]) -> list[str]:
    """The unknown words; Chinese characters that follow on each other are one."""
    runs: list[list[str]] = []
    before = False
    for own, kinds in found:
        if kinds is None:
            if before and not own[0].isascii() and not runs[-1][-1].isascii():
                runs[-1] += own
            else:
                runs.append(list(own))
        before = kinds is None
    return [_joined(run) for run in runs]


def _shortest(parts: tuple[str, ...], vocabulary: Vocabulary) -> list[tuple[tuple[str, ...], tuple[int, ...] | None]]:
    """Cut parts into names, so that the fewest are unknown, and of these cuts into the fewest.

    Returns:
        Names with their kinds: () for words that say nothing, None for those that are not known.
    """
    best: list[tuple[int, int, int]] = [(0, 0, 0)] * (len(parts) + 1)  # unknown, names, end of the first
    for start in range(len(parts) - 1, -1, -1):
        silent = parts[start] in _SAY_NOTHING
        unknown, names, _ = best[start + 1]
        options = [(unknown + (not silent), names + (not silent), start + 1)]
        for end in range(start + 1, min(len(parts), start + _LONGEST_NAME) + 1):
            if vocabulary.kinds(parts[start:end]):
                options.append((best[end][0], best[end][1] + 1, end))
        best[start] = min(options, key=lambda own: (own[0], own[1], -own[2]))
    found: list[tuple[tuple[str, ...], tuple[int, ...] | None]] = []
    start = 0
    while start < len(parts):
        own = parts[start : best[start][2]]
        silent = len(own) == 1 and own[0] in _SAY_NOTHING
        found.append((own, () if silent else vocabulary.kinds(own) or None))
        start = best[start][2]
    return found


# Singular and plural ---------------------------------------------------------------------------------------------


def _singulars(name: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """A name as it is, then with its last word in what may be its singular (the rules of morphy(7WN))."""
    yield name
    if not name or not name[-1].isascii():
        return
    *first, last = name
    if last in _irregular():
        yield (*first, _irregular()[last])
    for ending, singular in (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""), ("men", "man")):
        if last.endswith(ending) and len(last) > len(ending) + 1:
            yield (*first, last.removesuffix(ending) + singular)


@functools.cache
def _irregular() -> Mapping[str, str]:
    return {fields[0]: fields[1] for fields in _lines(IRREGULAR)}


# The tables ------------------------------------------------------------------------------------------------------


def _lines(table: Path) -> Iterator[list[str]]:
    """The fields of a table's lines, less its notice."""
    for line in table.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


@functools.cache
def imagenet() -> Vocabulary:
    """The words of a network with ImageNet's 1000 classes.

    >>> len(imagenet().classes), len(imagenet().read("dogs").words[0].kinds)
    (1000, 118)
    """
    tree = {key: (number, above, names.split("; ")) for key, number, above, names in _lines(TREE)}
    kinds: dict[str, set[int]] = {}
    for key, (number, _, _) in tree.items():
        left = [key] if number else []
        while left:
            own = left.pop()
            kinds.setdefault(own, set()).add(int(number))
            left += [parent for parent in tree[own][1].split(",") if parent]
    named: dict[tuple[str, ...], set[int]] = {}
    for key, (_, _, names) in tree.items():
        for name in names:
            named.setdefault(units(name), set()).update(kinds[key])
    meant = {key: kinds[key] for key in tree} | {number: {int(number)} for number, _, _ in tree.values() if number}
    for word, keys in _lines(EVERYDAY):  # what is meant day by day is meant, not every meaning of WordNet's
        named[units(word)] = meant[word] = set().union(*(meant[key] for key in keys.split(",")))
    plain = {units(name) for number, _, names in tree.values() if number for name in names}
    chinese: dict[tuple[str, ...], set[int]] = {}
    for key, names in _lines(CHINESE):
        for name in names.split("、"):
            chinese.setdefault(units(name), set()).update(meant[key])
            plain |= {units(name)} if key.isdecimal() else set()
    classes = tuple(names[0] for number, _, names in tree.values() if number)
    every = {name: tuple(sorted(own)) for name, own in (named | chinese).items() if name}
    names_of = {key: names.split("、")[0] for key, names in _lines(CHINESE)}
    in_chinese = tuple(names_of.get(str(number), name) for number, name in enumerate(classes))
    return Vocabulary(classes, every, frozenset(plain), chinese=in_chinese)


def of_classes(classes: Sequence[str]) -> Vocabulary:
    """The words of a trained run: the names of its classes.

    >>> known = of_classes(["golden_retriever", "buses"])
    >>> [known.read(typed).words[0].kinds for typed in ("Golden Retrievers", "bus", "buses")]
    [(0,), (1,), (1,)]
    """
    named: dict[tuple[str, ...], list[int]] = {}
    for number, name in enumerate(classes):
        if own := units(name.replace("_", " ")):
            named.setdefault(own, []).append(number)
    singulars: dict[tuple[str, ...], list[int]] = {}
    for name, numbers in named.items():
        for own in _singulars(name):
            if own not in named:
                singulars.setdefault(own, []).extend(numbers)
    return Vocabulary(
        tuple(classes),
        {name: tuple(numbers) for name, numbers in named.items()},
        frozenset(named),
        {name: tuple(sorted(set(numbers))) for name, numbers in singulars.items()},
    )
