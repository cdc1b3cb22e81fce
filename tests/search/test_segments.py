"""The vectors of an index, searched by their codes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.search.test_store import synthetic
from visus import Index
from visus.search import checksums, fitting, segments, upkeep
from visus.search.describe import unit
from visus.search.queries import Joined, Query, soft_least, spreads_of
from visus.search.rows import to_numpy
from visus.search.store import Store
from visus.search.upkeep import compact, recall
from visus.search.verify import mend, verify


def _query(store: Store, vector: np.ndarray) -> Query:
    plain = unit(np.asarray(vector, np.float32))
    return Query(plain, store.space(plain))


def _by_hand(store: Store, query: Query, k: int, where: str | None = None) -> list[int]:
    """Ids of the nearest rows, every vector compared."""
    table = store.read(["id", "embedding"], where)
    scores = store.space(to_numpy(table.column("embedding"))) @ query.moved
    return [table.column("id").to_pylist()[place] for place in np.argsort(-scores, kind="stable")[:k]]


def _ids(store: Store, query: Query, k: int, where: str | None = None, *, exact: bool = False) -> list[int]:
    own = store.segments("embedding")
    return own.rows(own.nearest(query, k, where, exact=exact), ["id"]).column("id").to_pylist()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("fitted", [False, True])
def test_it_finds_what_comparing_all_by_hand_finds(tmp_path: Path, dtype: str, fitted: bool) -> None:
    store = synthetic(tmp_path / "a.visus", 700, dtype=dtype)
    store = synthetic(tmp_path / "a.visus", 300, first=700, dtype=dtype)
    if fitted:
        fitting.refresh_space(store)
    random = np.random.default_rng(1)
    for query in [_query(store, random.normal(size=32)) for _ in range(10)]:
        assert _ids(store, query, 10, exact=True) == _by_hand(store, query, 10)
        assert len(set(_ids(store, query, 10)) & set(_by_hand(store, query, 10))) >= 9
    query = _query(store, random.normal(size=32))
    found = store.segments("embedding").nearest(query, 5)
    table = store.read(["id", "embedding"])
    vectors = dict(zip(table.column("id").to_pylist(), unit(to_numpy(table.column("embedding"))), strict=True))
    for key, cosine in zip(_ids(store, query, 5), found.cosines, strict=True):
        assert cosine == pytest.approx(float(vectors[key] @ query.plain), abs=1e-4)


@pytest.mark.parametrize("fitted", [False, True])
def test_rows_that_have_all_are_found_among_many_that_have_some(tmp_path: Path, fitted: bool) -> None:
    store = synthetic(tmp_path / "a.visus", 4000)
    if fitted:
        fitting.refresh_space(store)
    vectors = to_numpy(store.read(["embedding"]).column("embedding"))
    parts = store.space(unit(vectors[[5, 3000]]))
    weights, total = np.array([0.5, 0.5], np.float32), unit(vectors[[5, 3000]]).sum(axis=0)
    spreads = spreads_of(parts, store.segments("embedding").sample)
    np.testing.assert_allclose(spreads, (store.space(unit(vectors)) @ parts.T).std(axis=0), rtol=0.1)
    query = Joined(unit(total), unit(parts.sum(axis=0)), parts, weights, spreads)
    scores = soft_least(store.space(unit(vectors)) @ parts.T, weights, spreads)
    own = store.segments("embedding")
    exact = own.nearest(query, 10, exact=True)
    assert exact.rows.tolist() == np.argsort(-scores, kind="stable")[:10].tolist()
    np.testing.assert_allclose(exact.scores, -np.sort(-scores)[:10], atol=1e-3)
    assert len(set(own.nearest(query, 10).rows.tolist()) & set(exact.rows.tolist())) >= 9
    some = own.nearest(query, 10, "id >= 2000")
    assert min(some.rows) >= 2000


def test_the_soft_minimum_is_near_the_least() -> None:
    random = np.random.default_rng(0).uniform(-1, 1, (50, 3))
    for weights in ([1 / 3, 1 / 3, 1 / 3], [0.2, 0.5, 0.3]):
        found = soft_least(random, np.array(weights, np.float32), np.full(3, 0.1, np.float32))
        expected = -0.1 * np.log((np.array(weights) * np.exp(-random / 0.1)).sum(axis=1))
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert (found >= random.min(axis=1) - 1e-6).all()
        assert (found <= random @ weights + 1e-6).all()
    one, wide = np.ones(1, np.float32), np.array([0.3, 0.1], np.float32)
    assert soft_least(np.array([[0.7]]), one, 0.2 * one).tolist() == pytest.approx([0.7])
    half = np.full(2, 0.5, np.float32)
    far, near = soft_least(np.array([[0.9, 0.05], [0.3, 0.2]]), half, wide)
    assert near > far  # 0.3 and 0.2 are as much, 1 and 2 spreads, and 0.05 is little
    assert spreads_of(np.eye(3, dtype=np.float32), np.zeros((9, 3), np.float32)).tolist() == pytest.approx([0.1] * 3)


def test_each_row_finds_itself_after_deletions_conditions_and_compaction(tmp_path: Path) -> None:
    place = tmp_path / "a.visus"
    store = [synthetic(place, 200, first=first) for first in range(0, 600, 200)][-1]
    store.remove(list(range(0, 600, 7)))
    for step in ("deleted", "fitted", "compacted"):
        if step == "fitted":
            fitting.refresh_space(store)
        elif step == "compacted":
            compact(store)
        table = store.read(["id", "embedding"])
        vectors = to_numpy(table.column("embedding"))
        for place_, key in list(enumerate(table.column("id").to_pylist()))[::37]:
            query = _query(store, vectors[place_])
            for exact in (False, True):
                assert _ids(store, query, 1, exact=exact) == [key], step
                assert _ids(store, query, 3, f"id > {key}", exact=exact) == _by_hand(store, query, 3, f"id > {key}")
        every = _ids(store, _query(store, vectors[0]), 600)
        assert sorted(every) == sorted(set(range(600)) - set(range(0, 600, 7)))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.booleans())
def test_any_condition_and_any_k(tmp_path_factory: pytest.TempPathFactory, seed: int, k: int, exact: bool) -> None:
    store = _shared(tmp_path_factory)
    random = np.random.default_rng(seed)
    low, high = sorted(random.integers(0, 600, 2).tolist())
    query = _query(store, random.normal(size=32))
    where = f"id BETWEEN {low} AND {high}"
    found = _ids(store, query, k, where, exact=exact)
    assert all(low <= key <= high for key in found)
    assert len(found) == min(k, high - low + 1)
    assert found == _by_hand(store, query, k, where)  # of so few rows none that is near is left out


_made: dict[str, Store] = {}


def _shared(factory: pytest.TempPathFactory) -> Store:
    if "store" not in _made:
        place = factory.mktemp("segments") / "a.visus"
        for first in range(0, 600, 150):
            _made["store"] = synthetic(place, 150, first=first)
        fitting.refresh_space(_made["store"])
    return _made["store"]


def test_no_more_is_compared_than_may_be_among_the_best(tmp_path: Path) -> None:
    place = tmp_path / "a.visus"
    store = [synthetic(place, 1000, first=first) for first in range(0, 3000, 1000)][-1]
    own = store.segments("embedding")
    random = np.random.default_rng(2)
    for query in [_query(store, random.normal(size=32)) for _ in range(20)]:
        compared = [sum(len(rows) for rows, _ in own._likely(query, None, k)) for k in (1, 10, 100, 3000)]
        assert compared == sorted(compared)
        assert compared[0] < 1000
        assert compared[-1] == 3000
        assert _ids(store, query, 10) == _by_hand(store, query, 10)


def test_no_more_is_compared_than_the_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "_MOST", 50)
    store = synthetic(tmp_path / "a.visus", 400)
    own, query = store.segments("embedding"), _query(store, np.ones(32))
    assert sum(len(rows) for rows, _ in own._likely(query, None, 1)) <= 50
    assert len(_ids(store, query, 30)) == 30


def test_codes_grow_with_each_commit_and_old_ones_go(tmp_path: Path) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 100)
    (first,) = (place / "codes").iterdir()
    made = first.read_bytes(), first.stat().st_mtime_ns
    store = synthetic(place, 50, first=100)
    assert len(list((place / "codes").iterdir())) == 2
    assert (first.read_bytes(), first.stat().st_mtime_ns) == made
    assert store.sums is not None
    assert {f"codes/{path.name}" for path in (place / "codes").iterdir()} <= store.sums.files.keys()
    fitting.refresh_space(store)
    for version in checksums.noted(store.files)[2:]:  # as if they had been cleaned up
        store.files.remove(f"checksums/{version}.json")
    upkeep.sweep(store)
    sums = [checksums.load(store.files, version) for version in checksums.noted(store.files)]
    names = {name for own in sums if own for name in own.files}
    assert {f"codes/{path.name}" for path in (place / "codes").iterdir()} == {
        n for n in names if n.startswith("codes/")
    }


@pytest.mark.parametrize("harm", ["missing", "short", "zeros", "of others"])
def test_without_its_codes_an_index_answers_the_same_and_makes_them_again(tmp_path: Path, harm: str) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 300)
    fitting.refresh_space(store)
    query = _query(store, np.random.default_rng(2).normal(size=32))
    before = _ids(store, query, 10, exact=True)
    assert store.segments("embedding").coded
    del store
    for path in (place / "codes").iterdir():
        content = path.read_bytes()
        path.unlink()
        if harm == "short":
            path.write_bytes(content[:-1])
        elif harm == "zeros":
            path.write_bytes(bytes(len(content)))
        elif harm == "of others":
            path.write_bytes(content.replace(b'"rows": 300', b'"rows": 30 '))
    again = Store(place)
    assert _ids(again, _query(again, query.plain), 10) == before
    again.recover()
    again = synthetic(place, 10, first=300)
    found = verify(again)
    assert found.sound == (harm in ("missing", "short"))  # these are seen at a glance, and were made again
    mend(again, found)
    assert verify(Store(place)).sound
    assert Store(place).segments("embedding").coded


def test_vectors_are_read_from_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 500)
    assert all(segment._paged for segment in store.segments("embedding")._segments)
    query = _query(store, np.random.default_rng(2).normal(size=32))
    found = _ids(store, query, 20)

    monkeypatch.setattr(segments.Segment, "_paged", None, raising=False)
    other = Store(place)
    for segment in other.segments("embedding")._segments:
        segment._paged = None
    assert _ids(other, query, 20) == found


def test_a_data_file_that_was_cut_is_one_sentence(tmp_path: Path) -> None:
    from visus import PictureIndexError
    from visus.search.contents import Checks
    from visus.search.nearest import Nearest

    place = tmp_path / "a.visus"
    store = synthetic(place, 500)
    nearest = Nearest(store, None, False, None, Checks(store, None))
    store.segments("embedding")
    (data,) = (place / "pictures.lance" / "data").iterdir()
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(PictureIndexError, match=r"damaged|cannot be read"):
        nearest.rows(_query(store, np.ones(32)), 5)


def test_what_the_codes_find_is_measured(tmp_path: Path) -> None:
    store = synthetic(tmp_path / "a.visus", 2000)
    fitting.refresh_space(store)
    assert 0.97 <= recall(store) <= 1


def test_pictures_that_look_alike_are_all_found(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(photos)
    query = photos / "0003.jpg"
    assert index.search(query, k=12).paths == index.search(query, k=12, exact=True).paths


def test_codes_that_were_mended_are_used_by_those_who_had_the_old_ones_open(tmp_path: Path) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 300)
    (path,) = (place / "codes").iterdir()
    path.write_bytes(path.read_bytes()[:-5000] + bytes(5000))
    other = Store(place)
    old = other.segments("embedding")._segments[0].coded
    store.recover()
    mend(store, verify(store))
    other.refresh()
    assert other.segments("embedding")._segments[0].coded is not old
    assert verify(other).sound


def test_where_sizes_are_not_known_codes_are_mended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an object store."""
    place = tmp_path / "a.visus"
    store = synthetic(place, 300)
    monkeypatch.setattr("visus.search.files.LocalFiles.size", lambda *_: None)
    (path,) = (place / "codes").iterdir()
    path.write_bytes(bytes(len(path.read_bytes())))
    mend(store, verify(store))
    assert verify(Store(place)).sound
    assert Store(place).segments("embedding").coded


def test_a_version_that_comes_while_another_is_prepared_is_searched(tmp_path: Path) -> None:
    place = tmp_path / "a.visus"
    store = synthetic(place, 300)
    reader = Store(place)
    reader.segments("embedding")
    synthetic(place, 100, first=300)
    reader.refresh()
    assert len(_ids(reader, _query(reader, np.ones(32)), 400)) == 400
    assert len(_ids(store, _query(store, np.ones(32)), 400)) == 300
