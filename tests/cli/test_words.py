"""``visus search`` with words, as people type them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.albums import album
from tests.support.command import visus
from visus.search.demo import photographs

_SOME = ("red-panda", "tabby-cat", "two-dogs-at-window", "rocky-peaks-trail", "scarlet-macaw", "wall-clock")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return album(tmp_path_factory.mktemp("typed"), _SOME)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        (["red panda"], "red-panda"),
        (["red", "panda"], "red-panda"),
        (["鹦鹉"], "scarlet-macaw"),
        (["photos/tabby-cat.jpg + 3 mountain"], "rocky-peaks-trail"),
        (["photos/tabby-cat.jpg", "+", "3", "mountain"], "rocky-peaks-trail"),
        (["photos/tabby-cat.jpg", "--plus", "3:mountain", "--minus", "0.5:dog"], "rocky-peaks-trail"),
        (["--plus", "clock"], "wall-clock"),
        (["word:clock", "-k", "1", "--min-score", "0.01"], "wall-clock"),
    ],
)
def test_what_is_no_file_is_words(place: Path, typed: list[str], first: str) -> None:
    lines = visus("search", *typed, "-i", "i.visus", cwd=place).stdout.splitlines()
    assert first in lines[0]


def test_a_word_that_is_a_file_too(place: Path) -> None:
    shutil.copy(photographs()["wall-clock"], place / "macaw")
    told = "macaw is a file here; word:macaw asks the word"
    answer = visus("search", "macaw", "-i", "i.visus", "-k", 1, cwd=place)
    assert "wall-clock" in answer.stdout
    assert answer.stderr.splitlines() == [told]
    assert json.loads(visus("search", "macaw", "-i", "i.visus", "--json", cwd=place).stdout)["notes"] == [told]
    assert "wall-clock" in visus("search", "file:macaw", "-i", "i.visus", "-k", 1, cwd=place).stdout
    assert "scarlet-macaw" in visus("search", "word:macaw", "-i", "i.visus", "-k", 1, cwd=place).stdout
    shutil.copy(photographs()["wall-clock"], place / "unheard-of")
    for said in ("file:macaw", "unheard-of", "./macaw"):
        assert not visus("search", said, "-i", "i.visus", cwd=place).stderr


def test_a_sign_that_touches_a_word_is_a_sign(place: Path) -> None:
    for typed in ("parrots -dog", "parrots -1:dog"):
        found = json.loads(visus("search", typed, "-i", "i.visus", "--json", cwd=place).stdout)
        assert [(own["word"], own["weight"]) for own in found["words"]] == [("parrots", 1), ("dog", -1)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["parrots", "-dog"], [("parrots", 1), ("dog", -1)]),
        (["-dog", "+", "parrots"], [("parrots", 1), ("dog", -1)]),
        (["parrots", "-0.5", "dog"], [("parrots", 1), ("dog", -0.5)]),
        (["parrots", "-0.5:dog", "-k", "3"], [("parrots", 1), ("dog", -0.5)]),
        (["-dog + 2 parrots"], [("dog", -1), ("parrots", 2)]),
        (["parrots", "-t-shirt"], [("parrots", 1), ("t shirt", -1)]),
        (["parrots", "-ibex + horse"], [("parrots", 1), ("ibex", -1), ("horse", 1)]),
        (["鹦鹉", "-狗"], [("鹦鹉", 1), ("狗", -1)]),
        (["--min-score", "-1", "parrots", "-ibex", "-horse"], [("parrots", 1), ("ibex", -1), ("horse", -1)]),
    ],
)
def test_a_minus_at_the_beginning_is_a_sign_too(place: Path, typed: list[str], words: list[tuple[str, float]]) -> None:
    found = json.loads(visus("search", "-i", "i.visus", "--json", *typed, cwd=place).stdout)
    assert sorted((own["word"], own["weight"]) for own in found["words"]) == sorted(words)


def test_a_file_with_a_minus_is_taken_away(place: Path) -> None:
    shutil.copy(photographs()["wall-clock"], place / "clock.jpg")
    less = visus("search", "photos/tabby-cat.jpg", "-clock.jpg", "-i", "i.visus", "--json", cwd=place)
    same = visus("search", "photos/tabby-cat.jpg", "--minus", "clock.jpg", "-i", "i.visus", "--json", cwd=place)
    assert json.loads(less.stdout)["hits"] == json.loads(same.stdout)["hits"]


def test_options_stay_options_beside_signs(place: Path) -> None:
    answer = visus(
        "search", "parrots", "-k2", "-i", "i.visus", "--min-score", "-1", "--minus", "-dog", cwd=place, code=2
    )
    assert "without a sign, not '-dog'" in answer.stderr
    assert len(visus("search", "parrots", "-ii.visus", "-k2", "--min-score", "0", cwd=place).stdout.splitlines()) == 2
    told = visus("search", "-dog", "-i", "i.visus", cwd=place, code=2).stderr
    assert told == "visus: A search needs at least one picture or word to find; it has only what to avoid.\n"
    assert "No such option" in visus("search", "parrots", "--dog", cwd=place, code=2).stderr
    assert "is empty" in visus("search", "dog", "--plus", "", "-i", "i.visus", cwd=place, code=2).stderr
    told = visus("search", "parrots", "-sheet", "x.png", cwd=place, code=2).stderr
    assert told == "visus: -sheet is no option; write --sheet, or '- sheet' if that is to be avoided.\n"


@pytest.mark.parametrize("words", ["unicorn", "a red car", "彩虹", "dog.txt", "photos/none.jpg + dog"])
def test_what_is_neither_is_one_sentence(place: Path, words: str) -> None:
    answer = visus("search", words, "-i", "i.visus", cwd=place, code=2)
    assert not answer.stdout
    assert len(answer.stderr.splitlines()) == 1


def test_json_tells_how_words_are_understood(place: Path) -> None:
    found = json.loads(visus("search", "parrots - 0.5 dog", "-i", "i.visus", "--json", cwd=place).stdout)
    assert [(own["word"], own["weight"], own["kinds"]) for own in found["words"]] == [
        ("parrots", 1, 4), ("dog", -0.5, 118),
    ]  # fmt: skip
    assert found["hits"][0]["path"].endswith("scarlet-macaw.jpg")


def test_nothing_is_said_once(place: Path) -> None:
    answer = visus("search", "trombone", "-i", "i.visus", cwd=place)
    assert not answer.stdout
    assert answer.stderr.startswith("No picture shows it for certain")
    assert len(answer.stderr.splitlines()) == 1
    assert json.loads(visus("search", "trombone", "-i", "i.visus", "--json", cwd=place).stdout)["hits"] == []
    assert len(visus("search", "trombone", "-i", "i.visus", "--min-score", 0, cwd=place).stdout.splitlines()) == 6


def test_sheet_and_why_of_words(place: Path) -> None:
    visus("search", "red panda", "-i", "i.visus", "--sheet", "s.png", "--why", "w.png", cwd=place)
    assert (place / "s.png").stat().st_size > 1000
    assert (place / "w.png").stat().st_size > 1000
    told = visus(
        "search", "photos/tabby-cat.jpg + dog", "-i", "i.visus", "--why", "photos/tabby-cat.jpg", cwd=place, code=2
    )
    assert "is among what is read" in told.stderr
    assert "--detect takes one picture" in visus("search", "dog", "--detect", "run", cwd=place, code=2).stderr
