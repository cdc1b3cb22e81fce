"""PCA whitening."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from visus import Index, InputError
from visus.search import whiten


def test_whitening_equals_scikit_learn_and_gives_equal_variances() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 12)) @ random.normal(size=(12, 12)) + 3
    mean, projection = whiten.fit([vectors[:100], vectors[100:350], vectors[350:]], 5)
    white = (vectors - mean) @ projection
    assert np.allclose(np.cov(white.T, bias=True), np.eye(5), atol=1e-3)
    theirs = PCA(5, whiten=True, svd_solver="full").fit(vectors).transform(vectors) * np.sqrt(500 / 499)
    assert np.allclose(np.abs(white), np.abs(theirs), atol=1e-2)
    assert np.allclose(np.linalg.norm(whiten.project(vectors, mean, projection), axis=1), 1, atol=1e-5)


def test_too_few_pictures_or_too_many_dimensions() -> None:
    vectors = np.random.default_rng(0).normal(size=(20, 8))
    with pytest.raises(InputError, match="more than"):
        whiten.fit([vectors[:5]], 6)
    with pytest.raises(InputError, match="within 1 and 8"):
        whiten.fit([vectors], 9)
    with pytest.raises(InputError, match="not 0"):
        whiten.fit([], 6)


def test_a_whitened_index_searches_explains_and_grows(photos: Path, tmp_path: Path) -> None:
    from tests.support.pictures import folder_of

    index = Index(tmp_path / "w.visus")
    index.add(photos)
    index.whiten(6)
    hits = index.search(photos / "0004.jpg", k=3)
    assert hits.paths[0] == str(photos / "0004.jpg")
    assert hits.scores[0] == pytest.approx(1, abs=2e-3)
    why = hits[1].why()
    assert why.query_map.sum() == pytest.approx(hits[1].score, abs=5e-3)
    assert why.hit_map.sum() == pytest.approx(hits[1].score, abs=5e-3)

    folder_of(photos, 3, first=50)
    index.add(photos)
    assert Index(tmp_path / "w.visus").search(photos / "0051.jpg", k=1).paths == [str(photos / "0051.jpg")]
    index.whiten(4)  # fitted again
    assert index.search(photos / "0051.jpg", k=1).paths == [str(photos / "0051.jpg")]
    assert len(list((tmp_path / "w.visus").glob("whitening-*"))) == 1


def test_a_whitening_that_cannot_be_read_is_fitted_again(photos: Path, tmp_path: Path) -> None:
    place = tmp_path / "w.visus"
    index = Index(place)
    index.add(photos)
    index.whiten(4)
    for saved in place.glob("whitening-*"):
        shutil.rmtree(saved)
    hits = Index(place).search(next(photos.glob("*.jpg")))  # by the version before
    assert any("is damaged or incomplete" in note for note in hits.notes)
    Index(place).whiten(4)
    assert len(Index(place).search(next(photos.glob("*.jpg")))) > 0
