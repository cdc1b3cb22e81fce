"""Which words are known, and how phrases are cut into them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.search.words.vocabulary import CHINESE, EVERYDAY, TREE, UnknownWordsError, imagenet, of_classes, units

KNOWN = imagenet()


def classes(phrase: str) -> list[list[str]]:
    """Of each word of a phrase, the names of its classes."""
    return [[KNOWN.classes[kind] for kind in word.kinds] for word in KNOWN.read(phrase).words]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("hippo", ["hippopotamus"]),
        ("a photo of a hot dog", ["hotdog"]),
        ("mountain", ["alp", "volcano"]),
        ("dinosaurs", ["triceratops"]),
        ("geese", ["goose"]),
        ("T-Shirt", ["jersey"]),
        ("Hen-of-the-Woods", ["hen-of-the-woods"]),
        ("mountain bikes", ["mountain bike"]),
        ("beach", ["sandbar", "seashore"]),
        ("河马", ["hippopotamus"]),
        ("一只大熊猫", ["giant panda"]),
        ("海滩", ["sandbar", "seashore"]),
        ("T恤", ["jersey"]),
    ],
)
def test_one_word(phrase: str, expected: list[str]) -> None:
    assert classes(phrase) == [expected]


def test_a_parent_is_all_its_kinds_and_nothing_else() -> None:
    (dogs,) = classes("dog")
    assert len(dogs) == 118
    assert "golden retriever" in dogs
    assert not {"hotdog", "timber wolf", "dogsled"} & set(dogs)
    assert classes("狗") == [dogs]


def test_words_are_whole() -> None:
    assert "hippopotamus" not in classes("mountain")[0]
    assert "Bernese mountain dog" not in classes("mountain")[0]
    assert classes("马") == [["sorrel"]]  # not 河马, 斑马, 海马


@pytest.mark.parametrize("phrase", ["a tiger in snow", "tigers and snow", "雪地里的老虎", "老虎 snow"])
def test_a_phrase_is_cut_into_its_words(phrase: str) -> None:
    texts = [set(own) for own in classes(phrase)]
    assert len(texts) == 2
    assert {"tiger"} in texts
    assert any("alp" in own for own in texts)


def test_what_is_left_out_is_told() -> None:
    assert KNOWN.read("a tiger in the snow").left_out == ("a", "in", "the")


@pytest.mark.parametrize(
    ("phrase", "told"),
    [
        ("red car", "'red' is not among the"),
        ("unicorns and fairies", "'unicorns', 'fairies' are not among the"),
        ("sunglases", "sunglasses"),
        ("彩虹", "'彩虹' is not among the"),
        ("the", "names nothing that a picture shows"),
        ("", "is not among"),
        ("tiger or lion", "'or' is not"),
    ],
)
def test_unknown_words_are_one_sentence_with_near_ones(phrase: str, told: str) -> None:
    with pytest.raises(UnknownWordsError, match=told) as caught:
        KNOWN.read(phrase)
    assert str(caught.value).count("\n") == 0


def test_a_phrase_has_bounds() -> None:
    with pytest.raises(InputError, match="at most 300 characters"):
        KNOWN.read("dog " * 200)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = KNOWN.read(text)
    except UnknownWordsError:
        return
    assert all(word.kinds for word in found.words)
    assert "".join("".join(units(part.text)) for part in found.words)


def test_every_name_of_every_class_finds_it() -> None:
    for line in TREE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        _, number, _, names = line.split("\t")
        for name in names.split("; ") if number else ():
            # everyday words override WordNet's: a plane is an airplane
            assert int(number) in KNOWN.kinds(units(name)) or units(name) in everyday(), name


def everyday() -> Sequence[tuple[str, ...]]:
    lines = EVERYDAY.read_text(encoding="utf-8").splitlines()
    return [units(line.split("\t")[0]) for line in lines if not line.startswith("#")]


def test_every_class_has_a_chinese_name() -> None:
    lines = [line.split("\t") for line in CHINESE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert {key for key, _ in lines} >= {str(number) for number in range(1000)}
    assert all(name and name == name.strip() for _, names in lines for name in names.split("、"))
    assert len({key for key, _ in lines}) == len(lines)


def test_a_run_knows_its_classes() -> None:
    own = of_classes(["n01_golden_retriever", "Dog", "dog", "向日葵", "!"])
    assert [word.kinds for word in own.read("dogs 向日葵").words] == [(1, 2), (3,)]
    with pytest.raises(UnknownWordsError, match="among the 3 words"):
        own.read("cat")


@pytest.mark.parametrize("phrase", ["the", "a photo of the", "一张照片"])
def test_words_that_name_nothing_are_told_so(phrase: str) -> None:
    with pytest.raises(InputError, match="names nothing that a picture shows"):
        imagenet().read(phrase)


@pytest.mark.parametrize("classes", [["a", "b"], ["on", "off"], ["under the image", "x"]])
def test_a_class_with_a_name_that_says_nothing_elsewhere_is_found(classes: list[str]) -> None:
    (word,) = of_classes(classes).read(classes[0]).words
    assert word.kinds == (0,)
