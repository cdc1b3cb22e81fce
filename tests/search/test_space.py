"""The space in which vectors are compared."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.support.pictures import folder_of
from visus import Index, InputError
from visus.search import fitting, space
from visus.search.describe import unit
from visus.search.rows import to_numpy
from visus.search.space import PLAIN, PRIOR, Space
from visus.search.store import Store
from visus.search.why import Why


def _vectors() -> np.ndarray:
    random = np.random.default_rng(0)
    return unit(random.normal(size=(500, 12)) @ random.normal(size=(12, 12)) + 3)


def test_the_mean_counts_less_the_fewer_vectors_there_are() -> None:
    vectors = _vectors()
    found = space.moments([vectors[:100], vectors[100:]], covariance=False)
    mean, projection = space.centered(found)
    assert projection is None
    assert np.allclose(mean, vectors.mean(axis=0) * 500 / (500 + PRIOR), atol=1e-6)
    one, _ = space.centered(space.moments([vectors[:1]], covariance=False))
    assert np.linalg.norm(one) < 0.05
    assert (Space("one", one)(vectors[:1]) @ unit(vectors[0] - one)) == pytest.approx(1, abs=1e-5)


def test_directions_are_those_of_scikit_learn_and_are_not_divided() -> None:
    vectors = _vectors()
    found = space.moments([vectors[:100], vectors[100:350], vectors[350:]], covariance=True)
    mean, axes = space.rotated(found, 5)
    theirs = PCA(5, svd_solver="full").fit(vectors).transform(vectors)
    assert np.allclose(np.abs((vectors - mean) @ axes), np.abs(theirs), atol=1e-4)
    assert np.allclose(np.linalg.norm(axes, axis=0), 1, atol=1e-5)


def test_vectors_of_zeros_do_not_count() -> None:
    vectors = _vectors()
    blank = np.concatenate([vectors, np.zeros((100, 12), np.float32)])
    one, other = (space.moments([own], covariance=True) for own in (vectors, blank))
    assert (one.count, other.count) == (500, 500)
    assert np.allclose(one.mean, other.mean)


def test_too_few_pictures_or_too_many_directions() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 8))
    with pytest.raises(InputError, match="more than"):
        space.rotated(space.moments([vectors[:5]], covariance=True), 6)
    with pytest.raises(InputError, match="within 0 and 8"):
        space.rotated(space.moments([vectors], covariance=True), 9)


def test_a_score_is_the_cosine_around_the_mean_and_the_plain_one_stands_beside(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    assert index.add(photos).fitted is not None
    store = Store(tmp_path / "i.visus")
    table = store.read(["path", "embedding"])
    vectors = dict(zip(table.column("path").to_pylist(), unit(to_numpy(table.column("embedding"))), strict=True))
    mean = np.mean(list(vectors.values()), axis=0) * 12 / (12 + PRIOR)
    query = str(photos / "0004.jpg")
    hits = index.search(query, k=12)
    assert len(hits) == 12
    assert (hits[0].path, hits[0].score, hits[0].cosine) == (
        query,
        pytest.approx(1, abs=1e-3),
        pytest.approx(1, abs=1e-3),
    )
    for hit in hits:
        own, other = vectors[query], vectors[hit.path]
        assert hit.cosine == pytest.approx(float(own @ other), abs=2e-3)
        assert hit.score == pytest.approx(float(unit(own - mean) @ unit(other - mean)), abs=2e-3)
        assert hit.to_dict()["cosine"] == round(hit.cosine, 6)
    assert hits[-1].score < hits[-1].cosine


@pytest.mark.parametrize("directions", [0, 6])
def test_an_index_searches_explains_and_grows(photos: Path, tmp_path: Path, directions: int) -> None:
    place = tmp_path / "r.visus"
    index = Index(place)
    index.add(photos)
    index.rotate(directions)
    assert index.about[space.KEY]["dimension"] == directions
    hits = index.search(photos / "0004.jpg", k=3)
    assert hits.paths[0] == str(photos / "0004.jpg")
    assert hits.scores[0] == pytest.approx(1, abs=2e-3)
    why = hits[1].why()
    assert isinstance(why, Why)
    assert why.query_map.sum() == pytest.approx(hits[1].score, abs=5e-3)
    assert why.hit_map.sum() == pytest.approx(hits[1].score, abs=5e-3)

    before = index.about[space.KEY]["file"]
    folder_of(photos, 3, first=50)
    assert index.add(photos).fitted is None  # a quarter more
    assert Index(place).search(photos / "0051.jpg", k=1).paths == [str(photos / "0051.jpg")]
    folder_of(photos, 10, first=60)
    fitted = index.add(photos).fitted
    assert fitted is not None
    assert fitted.dimension == directions  # what was asked for stays
    assert index.about[space.KEY]["file"] != before
    assert index.search(photos / "0065.jpg", k=1).paths == [str(photos / "0065.jpg")]
    index.rotate(4)
    assert index.search(photos / "0051.jpg", k=1).paths == [str(photos / "0051.jpg")]


def test_fewer_directions_are_taken_where_they_find_more_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.search.test_store import synthetic

    place = synthetic(tmp_path / "a.visus", 600)
    monkeypatch.setattr(fitting, "_FEWER", 20)
    assert fitting.refresh_space(place) == fitting.Fitted(0)  # all lie in one folder, which says nothing
    labeled = np.zeros((1, 32), np.float32), ["a"]
    monkeypatch.setattr(fitting, "_labeled", lambda *_: labeled)
    for after, dimension in ((0.6, 20), (0.501, 0)):
        told = iter((0.5, after))
        monkeypatch.setattr(fitting, "_precision", lambda *_, told=told: next(told))
        fitted = fitting.refresh_space(_forgotten(place))
        assert fitted == fitting.Fitted(dimension, 0.5, after if dimension else None)
        assert place.about[space.KEY]["dimension"] == dimension


def test_folders_are_classes_where_there_are_enough_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.search.test_store import synthetic

    place = synthetic(tmp_path / "a.visus", 600)
    assert fitting._labeled(place, 600) is None
    monkeypatch.setattr(fitting.os.path, "dirname", lambda path: str(int(path[3:-4]) % 6))
    labeled = fitting._labeled(place, 600)
    assert labeled is not None
    assert len(labeled[0]) == 600
    assert set(labeled[1]) == set("012345")
    assert fitting._precision(labeled, (None, None)) == pytest.approx(1 / 6, abs=0.05)
    assert fitting._labeled(place, 400) is None


def test_directions_that_were_asked_for_wait_until_there_are_enough_pictures(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "i.visus")
    index.add(photos)
    index.rotate(8)
    for path in sorted(photos.glob("*.jpg"))[:6]:
        path.unlink()
    fitted = index.add(photos, prune=True).fitted
    assert fitted is not None
    assert fitted.dimension == 0
    folder_of(photos, 20, first=60)
    fitted = index.add(photos).fitted
    assert fitted is not None
    assert fitted.dimension == 8


def _forgotten(store: Store) -> Store:
    store.tell(**{space.KEY: {**store.about[space.KEY], "rows": 1}})
    return store


def test_a_space_that_cannot_be_read_is_told_and_fitted_again(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "w.visus"
    index = Index(place)
    index.add(photos)
    (saved,) = place.glob("space-*")
    content = saved.read_bytes()
    saved.write_bytes(content[:100])
    for harmed in (content[:100], bytes(len(content))):
        saved.write_bytes(harmed)
        hits = Index(place).search(next(photos.glob("*.jpg")))
        assert any("fits it again" in note for note in hits.notes)
        assert hits[0].score == pytest.approx(hits[0].cosine, abs=1e-5)
    folder_of(photos, 2, first=90)  # with something to commit as well
    report = Index(place).add(photos)
    assert (report.added, report.fitted is not None) == (2, True)
    assert len(Index(place).search(next(photos.glob("*.jpg")))) > 0
    assert Index(place).verify().sound
    (saved,) = (path for path in place.glob("space-*") if path.name == Index(place).about[space.KEY]["file"])
    saved.write_bytes(bytes(len(saved.read_bytes())))
    assert Index(place).verify(mend=True).damaged_files == [saved.name]
    assert Index(place).verify().sound
    assert Index(place).about[space.KEY]["file"] != saved.name


def test_whitening_is_deprecated(photos: Path, tmp_path: Path) -> None:
    index = Index(tmp_path / "w.visus")
    index.add(photos)
    with pytest.warns(DeprecationWarning, match="rotate"):
        index.whiten(4)
    assert index.about[space.KEY]["dimension"] == 4


def test_nothing_is_moved_in_the_plain_space() -> None:
    vectors = _vectors()
    assert np.allclose(PLAIN(3 * vectors), vectors, atol=1e-6)
    assert not Space("a", vectors[0])(np.zeros((2, 12), np.float32)).any()
    assert PLAIN.dimension(12) == 12
