"""Searches by words in an index of the photographs that ship with visus."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.albums import album
from visus import Index, InputError, Run, read, write
from visus.graphs.tensors import read_tensors
from visus.graphs.weights import of, package_file
from visus.search.demo import photographs
from visus.search.describe import Embedder, unit
from visus.search.why import Why
from visus.search.words import chance
from visus.search.words.engine import Chance
from visus.search.words.layer import LENGTH
from visus.search.words.vocabulary import UnknownWordsError, imagenet
from visus.search.words.why import WordWhy

_SOME = (
    "red-panda", "tabby-cat", "two-dogs-at-window", "rocky-peaks-trail", "autumn-mountains", "white-sheep",
    "scarlet-macaw", "wall-clock", "coffee-cup", "dutch-windmills", "puffer-fish", "drums-and-guitar",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return album(tmp_path_factory.mktemp("words"), _SOME)


@pytest.fixture
def index(place: Path) -> Index:
    return Index(place / "i.visus")


def names(paths: list[str]) -> list[str]:
    return [Path(path).stem for path in paths]


def test_words_find_what_they_name(index: Index) -> None:
    for words, name in (
        ("red panda", "red-panda"),
        ("小熊猫", "red-panda"),
        ("cats", "tabby-cat"),
        ("a parrot", "scarlet-macaw"),
        ("鹦鹉", "scarlet-macaw"),
        ("mountain", "rocky-peaks-trail"),
    ):
        assert names(index.search(words, k=1, min_score=0).paths) == [name], words


def test_a_score_is_the_probability_of_the_kinds(index: Index) -> None:
    weight, bias = list(read_tensors(package_file(of("efficientnet_lite0"))).values())[-2:]
    kinds = list(imagenet().read("dog").words[0].kinds)
    hits = index.search("dog", k=12, min_score=0)
    vectors = Embedder()([read(hit.path) for hit in hits])
    values = np.exp((LENGTH * vectors @ weight.T + bias).astype(np.float64))
    expected = values[:, kinds].sum(axis=1) / values.sum(axis=1)
    np.testing.assert_allclose(hits.scores, expected, atol=5e-3)  # stored vectors have 16 bits
    assert hits.scores == sorted(hits.scores, reverse=True)


def test_the_usual_length_is_that_of_photographs() -> None:
    embedder = Embedder()
    pixels = np.stack([embedder.prepare(read(file)) for file in photographs().values()])
    assert np.median(np.linalg.norm(embedder.runner().vectors(pixels), axis=1)) == pytest.approx(LENGTH, rel=0.02)


def test_how_words_are_understood_is_told(index: Index) -> None:
    hits = index.search("dogs + mountain", k=1)
    assert [(own["word"], own["kinds"], own["weight"]) for own in hits.words] == [("dogs", 118, 1), ("mountain", 2, 1)]
    assert hits.words[1]["such_as"] == ["alp", "volcano"]
    assert hits.notes[:2] == [
        "dogs stands for: Chihuahua, Japanese spaniel, Maltese dog, Pekinese ... (118 kinds)",
        "mountain stands for: alp, volcano (2 kinds)",
    ]
    assert hits.to_dict()["words"] == hits.words
    assert index.search("山", k=1, min_score=0).notes == ["山 stands for: 高山, 火山 (2 kinds)"]
    assert not index.search("小熊猫", k=1).notes  # a name of its class


def test_nothing_is_found_where_nothing_shows_it(index: Index) -> None:
    hits = index.search("tank suit")
    assert not len(hits)
    assert "No picture shows it for certain" in hits.notes[-1]
    assert "a least score of 0 (--min-score, min_score) shows" in hits.notes[-1]
    assert len(index.search("tank suit", min_score=0)) == len(_SOME)
    found = index.search("red panda")
    assert names(found.paths[:1]) == ["red-panda"]
    assert found.scores[-1] >= chance.least(len(_SOME), 1, chances=1)


def test_a_condition_leaves_fewer_pictures_to_chance(index: Index) -> None:
    every = index.search("tank suit").notes[-1]
    some = index.search("tank suit", where="path LIKE '%cat%'").notes[-1]
    assert f"among {len(_SOME)} pictures {chance.least(len(_SOME), 1):.3f} may be chance" in every
    assert f"among 1 picture {chance.least(1, 1):.3f} may be chance" in some


def test_a_word_that_is_said_twice_asks_once(index: Index) -> None:
    once = index.search("dog", k=12, min_score=0)
    for typed in ("dog dog", "dogs + dog", ["dog", "dog"]):
        twice = index.search(typed, k=12, min_score=0)
        assert (twice.paths, twice.scores) == (once.paths, once.scores)
    assert index.search("cat + dog - dog", k=12, min_score=0).paths == index.search("cat", k=12, min_score=0).paths
    with pytest.raises(InputError, match="are the same"):
        index.search("dog - dogs")


def test_conditions_and_exact_order(index: Index) -> None:
    where = "path LIKE '%mountain%' OR path LIKE '%rocky%'"
    found = index.search("mountain", where=where, min_score=0)
    assert set(names(found.paths)) == {"rocky-peaks-trail", "autumn-mountains"}
    assert index.search("mountain", where=where, min_score=0, exact=True).paths == found.paths


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("a unicorn", "'unicorn' is not among the"),
        ("- dog", "only what to avoid"),
        ([], "at least one picture or word"),
        ("dog - dog", "What is to be found and what is to be avoided are the same"),
        ("dog +", "Nothing stands behind a"),
        ("-dog", "only what to avoid"),
        ("0.5", "^The weight 0.5 stands alone"),
        ("dog + 0.5", "^The weight 0.5 stands alone"),
        ("dog + -1 snow", "not -1; what is taken away has a single - before it"),
    ],
)
def test_questions_that_cannot_be(index: Index, query: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        index.search(query)


def test_words_ask_the_network_alone(index: Index) -> None:
    with pytest.raises(InputError, match="Words ask the network, not texture"):
        index.search("dog", by="texture")
    with pytest.raises(InputError, match="region takes one query picture, not 0"):
        index.search("dog", region=(0, 0, 10, 10))
    with pytest.raises(InputError, match="rerank geometry takes one query picture, not 0"):
        index.search("dog", rerank="geometry")


def test_texts_of_others_name_no_files(index: Index) -> None:
    with pytest.raises(UnknownWordsError):
        index.search(str(photographs()["red-panda"]), files=False)


# Mixed queries ---------------------------------------------------------------------------------------------------


def test_a_mixture_is_to_have_all_of_it(index: Index, place: Path) -> None:
    cat = place / "photos" / "tabby-cat.jpg"
    hits = index.search(f"{cat} + 2 mountain - 0.5 dog", k=12)
    layer, space = index.layer(), index._opened().space
    kinds = {own: layer.vocabulary.read(own).words[0].kinds for own in ("mountain", "dog")}
    mountain, dog = (unit(layer.direction(own)) for own in kinds.values())
    picture = space(Embedder()([read(cat)]))[0]
    parts = [unit(picture - 1 / 3 * 0.5 * dog), unit(2 * mountain - 2 / 3 * 0.5 * dog)]
    cosines = np.stack([space(Embedder()([read(hit.path)]))[0] @ np.stack(parts).T for hit in hits])
    expected = -0.1 * np.log(np.exp(-cosines / 0.1) @ np.array([1 / 3, 2 / 3]))
    np.testing.assert_allclose(hits.scores, expected, atol=8e-3)


def test_pictures_ask_together_and_a_word_beside_them(index: Index, place: Path) -> None:
    first, second = (str(place / "photos" / name) for name in ("tabby-cat.jpg", "red-panda.jpg"))
    space = index._opened().space
    cat, panda = space(Embedder()([read(first), read(second)]))
    both, less = index.search([first, second], k=12), index.search(first, minus="0.5:dog", k=12)
    expected = [float(space(Embedder()([read(path)]))[0] @ unit(cat + panda)) for path in both.paths]
    np.testing.assert_allclose(both.scores, expected, atol=5e-3)  # pictures are added up
    layer = index.layer()
    dog = unit(layer.direction(layer.vocabulary.read("dog").words[0].kinds))
    expected = [float(space(Embedder()([read(path)]))[0] @ unit(cat - 0.5 * dog)) for path in less.paths]
    np.testing.assert_allclose(less.scores, expected, atol=5e-3)  # and what is taken away is taken from one


def test_what_shows_both_is_before_what_shows_one(index: Index, place: Path, tmp_path: Path) -> None:
    panda, macaw = (read(photographs()[name]) for name in ("red-panda", "scarlet-macaw"))
    height = min(len(panda), len(macaw))
    both = np.concatenate([panda[:height, :300], macaw[:height, :300]], axis=1)
    (tmp_path / "p").mkdir()
    for name, picture in (("both", both), ("panda", panda), ("macaw", macaw)):
        write(tmp_path / "p" / f"{name}.png", picture)
    own = Index(tmp_path / "i.visus")
    own.add(tmp_path / "p", place / "photos")
    assert names(own.search("red panda + parrot", k=1).paths) == ["both"]
    assert names(own.search([panda, "+ parrot"], k=1).paths) == ["both"]


def test_options_say_the_same_as_one_text(index: Index, place: Path) -> None:
    cat = str(place / "photos" / "tabby-cat.jpg")
    whole = index.search(f'"{cat}" + mountain - 0.5 dog')
    assert index.search(cat, plus="mountain", minus="0.5:dog").scores == whole.scores
    assert index.search([read(cat), "+ mountain - 0.5 dog"]).scores == pytest.approx(whole.scores, abs=1e-5)
    assert index.search(plus=[cat, "mountain"], minus=["0.5:dog"]).scores == whole.scores


def test_a_mixture_says_which_words_no_hit_shows(index: Index) -> None:
    assert (
        index.search("red panda + trombone", k=3).notes[-1].startswith("No hit shows this for certain: trombone (0.0")
    )
    assert not index.search("red panda + parrot", k=12).notes[1:]


def test_what_is_taken_away_comes_later(index: Index, place: Path) -> None:
    cat = str(place / "photos" / "tabby-cat.jpg")
    plain, less = (
        dict(zip(names(own.paths), own.scores, strict=True))
        for own in (index.search(cat, k=12), index.search(cat, k=12, minus="dog"))
    )
    assert less["two-dogs-at-window"] < plain["two-dogs-at-window"]


# Why -------------------------------------------------------------------------------------------------------------


def test_the_map_adds_up_to_the_logit_over_the_mean_of_all(index: Index) -> None:
    hit = index.search("red panda", k=1)[0]
    why = hit.why()
    assert isinstance(why, WordWhy)
    layer, (kind,) = index.layer(), imagenet().read("red panda").words[0].kinds
    vector = Embedder()([read(hit.path)])
    logits = layer.logits(vector)[0] - layer.bias
    assert why.hit_map.shape == (7, 7)
    assert why.hit_map.sum() == pytest.approx(float(logits[kind] - logits.mean()), abs=0.02)
    assert why.score == pytest.approx(hit.score, abs=5e-3)


def test_the_map_points_at_what_is_named(index: Index) -> None:
    canvas = np.full((600, 600, 3), 127, np.uint8)
    canvas[20:220, 340:580] = read(photographs()["red-panda"])[8:208, 40:280]  # top right
    why = index.why("red panda", canvas)
    assert isinstance(why, WordWhy)
    row, column = np.unravel_index(why.hit_map.argmax(), why.hit_map.shape)
    assert row < 3
    assert column >= 3


def test_why_of_a_mixture_adds_up(index: Index, place: Path) -> None:
    cat = str(place / "photos" / "tabby-cat.jpg")
    hit = index.search(cat, minus="0.5:dog", k=1)[0]
    assert hit.why().hit_map.sum() == pytest.approx(hit.score, abs=2e-3)
    hit = index.search(cat, plus="mountain", minus="0.5:dog", k=1)[0]
    why = hit.why()
    assert isinstance(why, WordWhy)
    assert why.text == "mountain - dog"
    assert why.score == pytest.approx(hit.score, abs=2e-3)
    assert hit.score - 0.1 < why.hit_map.sum() < hit.score + 2e-3  # the mean in which the least counts most
    assert why.picture(side=100).shape[1] == 12 + 2 * 112
    assert isinstance(index.search(cat, k=1)[0].why(), Why)


# Runs ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_index_of_a_run_knows_its_classes(trained_run: Run, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus", model=trained_run.folder)
    index.add(trained_run.folder.parents[2] / "textures" / "test")
    hits = index.search("stripes", k=12)
    assert {Path(path).parent.name for path in hits.paths[:6]} == {"stripes"}
    assert sum(index.search(name, k=1000, exact=True).scores[0] for name in ("blobs", "checks", "stripes")) > 1.5
    assert index.search("stripe", k=12).paths == hits.paths
    assert min(hits.scores) >= 0.5  # less is not more likely than not
    with pytest.raises(UnknownWordsError, match="among the 3 words"):
        index.search("dog")
    blobs = index.search("checks", where="path NOT LIKE '%/checks/%'")
    assert not len(blobs)
    assert "more likely than not from 0.5 on; a least score of 0 (--min-score, min_score) shows them" in blobs.notes[-1]
    assert not list(
        (tmp_path / "i.visus" / "codes").glob("*.words")
    )  # few classes are worked out as they are asked for


def test_a_score_that_is_the_limit_but_for_rounding_counts() -> None:
    rows = [{"score": 0.49997}]
    assert chance.above(rows, None, lambda: Chance(0.5, 0.5, "told")) == (rows, None)
    assert chance.unshown(["dogs"], [0.49997], [Chance(0.5, 0.5, "told")]) is None
