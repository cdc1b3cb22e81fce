"""Searches by words among many vectors: what was noted of each row's best classes, and what comparing all finds."""

from pathlib import Path

import numpy as np
import pytest

from tests.search.test_store import synthetic
from visus.search import segments
from visus.search.describe import unit
from visus.search.queries import Named
from visus.search.rows import to_numpy
from visus.search.store import Store
from visus.search.upkeep import compact
from visus.search.words import best
from visus.search.words.layer import Layer
from visus.search.words.vocabulary import of_classes

_CLASSES = 60


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Layer:
    """A last layer of 60 classes on vectors of 32, which indexes take for their own."""
    random = np.random.default_rng(5)
    weight = random.normal(size=(_CLASSES, 32)).astype(np.float32)
    bias = random.normal(size=_CLASSES).astype(np.float32)
    names = of_classes([f"class {k}" for k in range(_CLASSES)])
    own = Layer(weight, bias, 2.0, False, names)
    monkeypatch.setattr(segments, "default_layer", lambda _about: own)
    return own


def named(layer: Layer, kinds: tuple[int, ...]) -> Named:
    direction = layer.direction(kinds)
    return Named(direction, direction, layer, kinds)


def by_hand(store: Store, layer: Layer, kinds: tuple[int, ...], k: int, where: str | None = None) -> list[int]:
    """Ids of the likeliest rows, the softmax of every row written out."""
    table = store.read(["id", "embedding"], where)
    vectors = unit(to_numpy(table.column("embedding"))).astype(np.float64)
    logits = vectors @ (layer.length * layer.weight.astype(np.float64)).T + layer.bias
    values = np.exp(logits)
    chances = values[:, kinds].sum(axis=1) / values.sum(axis=1)
    return [table.column("id").to_pylist()[place] for place in np.argsort(-chances, kind="stable")[:k]]


def found(store: Store, query: Named, k: int, where: str | None = None, *, exact: bool = False) -> list[int]:
    own = store.segments("embedding")
    return own.rows(own.nearest(query, k, where, exact=exact), ["id"]).column("id").to_pylist()


KINDS = [(7,), (0, 59), tuple(range(10, 40)), tuple(range(3, 60, 4))]


@pytest.mark.parametrize("kinds", KINDS)
def test_what_was_noted_finds_what_all_vectors_find(tmp_path: Path, layer: Layer, kinds: tuple[int, ...]) -> None:
    place = tmp_path / "a.visus"
    store = [synthetic(place, 400, first=first) for first in range(0, 1200, 400)][-1]
    query = named(layer, kinds)
    assert found(store, query, 10, exact=True) == by_hand(store, layer, kinds, 10)
    assert found(store, query, 10) == by_hand(store, layer, kinds, 10)
    assert found(store, query, 10, "id % 3 = 0") == by_hand(store, layer, kinds, 10, "id % 3 = 0")
    store.remove(list(range(0, 1200, 5)))
    assert found(store, query, 10) == by_hand(store, layer, kinds, 10)
    compact(store)
    assert found(store, query, 10) == by_hand(store, layer, kinds, 10)


def test_few_vectors_are_read(tmp_path: Path, layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_LIKELY", 30)
    store = synthetic(tmp_path / "a.visus", 800)
    own = store.segments("embedding")
    likely = own._likely_shown(named(layer, (7,)), None, 5)
    assert likely is not None
    assert sum(len(rows) for rows, _ in likely) == 30
    assert own._likely_shown(named(layer, (7,)), None, 900) is None  # more than have it among their best


def test_scores_are_probabilities(tmp_path: Path, layer: Layer) -> None:
    store = synthetic(tmp_path / "a.visus", 300)
    answer = store.segments("embedding").nearest(named(layer, KINDS[2]), 300, exact=True)
    vectors = unit(to_numpy(store.read(["embedding"]).column("embedding")))[answer.rows]
    np.testing.assert_allclose(answer.scores, layer.probabilities(vectors)[:, KINDS[2]].sum(axis=1), atol=1e-5)
    assert (np.diff(answer.scores) <= 0).all()


@pytest.mark.parametrize("harm", ["missing", "short", "rows that are not there", "of another kind"])
def test_without_what_was_noted_it_answers_the_same_and_notes_it_again(tmp_path: Path, layer: Layer, harm: str) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 300)
    query = named(layer, (7,))
    expected = found(store, query, 10)
    (file,) = (place / "codes").glob("*.words")
    content = bytearray(file.read_bytes())
    if harm == "rows that are not there":
        start = len(content) - 8 * 16 * 300
        content[start : start + 4 * 16 * 300] = np.full(16 * 300, 10**6, np.uint32).tobytes()
    file.unlink()
    if harm != "missing":
        file.write_bytes(content[:-9] if harm == "short" else content if harm.startswith("rows") else b"x" * 999)
    store = Store(place)
    assert found(store, query, 10) == expected
    if harm in ("missing", "short"):
        store.recover()
        assert (place / "codes" / file.name).stat().st_size == len(content)
        assert store.segments("embedding")._noted(layer) is not None


def test_an_index_of_an_earlier_visus_gets_them_at_the_next_update(
    tmp_path: Path, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a.visus"
    with monkeypatch.context() as patch:
        patch.setattr(segments, "default_layer", lambda _about: None)
        store = synthetic(place, 200)
    assert not list((place / "codes").glob("*.words"))
    assert found(store, named(layer, (7,)), 5) == by_hand(store, layer, (7,), 5)
    Store(place).recover()
    assert len(list((place / "codes").glob("*.words"))) == 1


def test_a_row_without_a_vector_is_in_no_class(layer: Layer) -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 32)).astype(np.float16)
    vectors[[3, 49]] = 0
    made = best.invert([vectors[:30], vectors[30:]], layer)
    assert made.rows == 50
    assert not {3, 49} & set(made.places.tolist())
    assert len(made.places) == 48 * best.MOST
    assert made.of_kinds((7,)).shape == (50,)


def test_several_labels_are_known_by_what_is_absent() -> None:
    weight = np.eye(3, 4, dtype=np.float32)
    own = Layer(weight, np.zeros(3, np.float32), 1.0, True, of_classes(["a", "b", "c"]))
    vectors = unit(np.array([[1, 0.5, 0, 0], [0, 0, 0, 1]]))
    chances = own.probabilities(vectors)
    expected = 1 - (1 - chances[:, 0]) * (1 - chances[:, 1])
    np.testing.assert_allclose(1 / (1 + np.exp(-own.odds(vectors, (0, 1)))), expected, atol=1e-6)
