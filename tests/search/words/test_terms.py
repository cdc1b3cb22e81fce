"""Queries of pictures and words."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visus import InputError
from visus.search.words.terms import terms_of, weighted


def told(asked: list[str], *, files: bool = True) -> list[tuple[float, object]]:
    """Weights, and words or pictures."""
    return [(own.weight, own.words or own.picture) for own in terms_of(asked, files=files)]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dog.jpg", "my cat - 2.jpg", "snow", "a -b.jpg", "my-cat.jpg", "c+d.jpg", "c+d"):
        (tmp_path / name).touch()
    (tmp_path / "beach").mkdir()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["dog.jpg + tiger - 0.5 beach"], [(1, "dog.jpg"), (1, "tiger"), (-0.5, "beach")]),
        (["dog.jpg", "+", "tiger", "-", "0.5", "beach"], [(1, "dog.jpg"), (1, "tiger"), (-0.5, "beach")]),
        (["a", "tiger", "in", "grass"], [(1, "a tiger in grass")]),
        (["dog.jpg", "missing.png"], [(1, "dog.jpg"), (1, "missing.png")]),
        (["my cat - 2.jpg"], [(1, "my cat - 2.jpg")]),
        (['"my cat - 2.jpg" + tiger'], [(1, "my cat - 2.jpg"), (1, "tiger")]),
        (["t-shirt"], [(1, "t-shirt")]),
        (["snow"], [(1, "snow")]),
        (["word:snow"], [(1, "snow")]),
        (["file:snow"], [(1, "snow")]),
        (["2 dog.jpg - 3*tiger"], [(2, "dog.jpg"), (-3, "tiger")]),
        (["0.5", "dog.jpg"], [(0.5, "dog.jpg")]),
        (["+ tiger"], [(1, "tiger")]),
        (["雪地 － 海滩"], [(1, "雪地"), (-1, "海滩")]),
        (["St. Bernard"], [(1, "St. Bernard")]),
        (["elephant -tiger"], [(1, "elephant"), (-1, "tiger")]),
        (["elephant", "-tiger"], [(1, "elephant"), (-1, "tiger")]),
        (["elephant - tiger"], [(1, "elephant"), (-1, "tiger")]),
        (["+tiger -0.5 beach -2:bus"], [(1, "tiger"), (-0.5, "beach"), (-2, "bus")]),
        (["elephant -word:snow -file:snow"], [(1, "elephant"), (-1, "snow"), (-1, "snow")]),
        (['elephant -"polar bear" +.5 bus'], [(1, "elephant"), (-1, "polar bear"), (0.5, "bus")]),
        (["大象 －马"], [(1, "大象"), (-1, "马")]),
        (["bus -dog.jpg"], [(1, "bus"), (-1, "dog.jpg")]),
        (["a -b.jpg"], [(1, "a -b.jpg")]),
        (["tiger - 2 a -b.jpg"], [(1, "tiger"), (-2, "a -b.jpg")]),
        (['"a -b.jpg" -tiger'], [(1, "a -b.jpg"), (-1, "tiger")]),
        (["my-cat.jpg -t-shirt"], [(1, "my-cat.jpg"), (-1, "t-shirt")]),
        (["dog -- cat"], [(1, "dog -- cat")]),
        (["elephant+tiger"], [(1, "elephant"), (1, "tiger")]),
        (["elephant+0.5 beach"], [(1, "elephant"), (0.5, "beach")]),
        (["大象＋马"], [(1, "大象"), (1, "马")]),
        (["dog.jpg+tiger -bus"], [(1, "dog.jpg"), (1, "tiger"), (-1, "bus")]),
        (["tiger+dog.jpg"], [(1, "tiger"), (1, "dog.jpg")]),
        (["c+d.jpg"], [(1, "c+d.jpg")]),
        (["tiger c+d.jpg"], [(1, "tiger c+d.jpg")]),
        (["file:c+d -tiger"], [(1, "c+d"), (-1, "tiger")]),
        (["missing+one.png"], [(1, "missing+one.png")]),
        (["c++ - tiger"], [(1, "c++"), (-1, "tiger")]),
        ([], []),
    ],
)
def test_terms(asked: list[str], expected: list[tuple[float, str]]) -> None:
    assert told(asked) == expected


def test_a_file_is_a_picture_and_a_folder_is_not() -> None:
    assert terms_of(["snow"])[0].picture == "snow"
    assert terms_of(["word:snow"])[0].words == "snow"
    assert terms_of(["beach"])[0].words == "beach"


def test_arrays_and_paths_are_pictures() -> None:
    array = np.zeros((2, 2, 3), np.uint8)
    found = terms_of([array, Path("dog.jpg"), "- tiger"])
    assert [own.weight for own in found] == [1, 1, -1]
    assert found[0].picture is array


def test_of_others_no_text_is_a_file() -> None:
    assert all(own.picture is None for own in terms_of(["dog.jpg + /etc/passwd - file:snow"], files=False))


@pytest.mark.parametrize("asked", [["tiger +"], ["tiger", "-"], ["+ - tiger"], ["+"], ["bus --tiger"], ["bus+-tiger"]])
def test_a_sign_needs_a_term(asked: list[str]) -> None:
    with pytest.raises(InputError, match="Nothing stands behind a"):
        terms_of(asked)


@pytest.mark.parametrize(("text", "weight"), [("0:tiger", "0"), ("1000 tiger", "1000")])
def test_weights_have_bounds(text: str, weight: str) -> None:
    with pytest.raises(InputError, match=f"at most 100, not {weight}"):
        terms_of([text])


@pytest.mark.parametrize("asked", [["dog.jpg + -1 tiger"], ["dog.jpg", "+", "-1", "tiger"], ["dog.jpg+-1:tiger"]])
def test_a_weight_has_no_sign_of_its_own(asked: list[str]) -> None:
    with pytest.raises(InputError, match="must be above 0 and at most 100, not -1;"):
        terms_of(asked)


@pytest.mark.parametrize("asked", ["-tiger", "tiger - bus", "tiger+bus", "-1:tiger"])
def test_the_term_of_an_option_has_no_sign(asked: str) -> None:
    with pytest.raises(InputError, match="without a sign"):
        weighted(asked, 1)


def test_a_file_that_may_be_meant_as_a_word_is_marked() -> None:
    asked = ["snow", "+", "dog.jpg", "- 2 snow", Path("snow"), "file:snow", "word:snow", "./snow"]
    assert [own.perhaps_words for own in terms_of(asked)] == [True, False, True, False, False, False, False]
    assert weighted("snow", 1).perhaps_words
    assert weighted("2:snow", 1).perhaps_words
    assert not weighted("file:snow", 1).perhaps_words


def test_options_give_single_terms() -> None:
    assert weighted("0.5:tiger", -1).weight == -0.5
    assert weighted("tiger", 1).words == "tiger"
    assert weighted("2:dog.jpg", 1).picture == "dog.jpg"
    assert weighted("my cat - 2.jpg", 1).picture == "my cat - 2.jpg"


@given(st.lists(st.text(max_size=40), max_size=4))
def test_any_text_is_read_or_refused(asked: list[str]) -> None:
    try:
        found = terms_of(asked, files=False)
    except InputError:
        return
    assert all(own.words for own in found)
