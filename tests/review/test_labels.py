"""Wrong labels: the probe, the neighbors, and what both together say."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from visus.review import labels as judging
from visus.review import neighbors, probe
from visus.search.describe import unit

Floats = NDArray[np.float32]


def clouds(count: int, classes: int, *, seed: int = 0, spread: float = 1.0, width: int = 12) -> tuple[Floats, NDArray]:
    """Vectors around a middle for each class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    middles = random.normal(0, 1, (classes, width))
    return (middles[labels] + random.normal(0, spread, (count, width))).astype(np.float32), labels.astype(np.int64)


def test_the_probe_is_the_logistic_regression_of_scikit_learn() -> None:
    vectors, labels = clouds(300, 4, spread=1.5)
    x = probe.components(vectors)
    found = probe.softmax(x @ probe.fit(x, labels, 4, curvature=(x**2).sum(0)))
    scaled = (vectors - vectors.mean(0)) / vectors.std(0)
    peer = LogisticRegression(C=1 / (probe.PENALTY * len(vectors)), max_iter=2000, tol=1e-8).fit(scaled, labels)
    assert np.abs(found - peer.predict_proba(scaled)).max() < 0.01


@pytest.mark.parametrize("shape", [(40, 12), (12, 40), (5, 5)])
def test_components_keep_all_distances_and_stand_at_right_angles(shape: tuple[int, int]) -> None:
    vectors = np.random.default_rng(0).normal(3, 2, shape).astype(np.float32)
    x = probe.components(vectors)
    scaled = (vectors - vectors.mean(0)) / vectors.std(0)
    assert np.abs((x[:, :-1] @ x[:, :-1].T) - scaled @ scaled.T).max() < 1e-3
    product = x.T @ x
    assert np.abs(product - np.diag(np.diag(product))).max() < 1e-3 * product.max()


def test_no_picture_is_asked_of_a_probe_that_has_seen_it() -> None:
    vectors, labels = clouds(200, 2, spread=0.1)
    labels[::10] ^= 1  # what is learned by heart would be answered as it was learned
    found = probe.out_of_sample(probe.components(vectors), labels, 2)
    assert found.sum(1) == pytest.approx(1, abs=1e-5)
    assert (found.argmax(1)[::10] != labels[::10]).all()


def test_parts_hold_each_class_evenly() -> None:
    labels = np.array([0] * 50 + [1] * 10)
    part = probe.folds(labels, 5, 0)
    assert np.bincount(part[labels == 0]).tolist() == [10] * 5
    assert np.bincount(part[labels == 1]).tolist() == [2] * 5
    assert (part != probe.folds(labels, 5, 1)).any()


def test_neighbors_are_those_of_scikit_learn() -> None:
    vectors = unit(clouds(2100, 5)[0])
    places, cosines = neighbors.nearest(vectors, 7)
    peer = NearestNeighbors(n_neighbors=8, metric="cosine").fit(vectors)
    distances, expected = peer.kneighbors(vectors)
    assert np.abs(1 - cosines - distances[:, 1:]).max() < 1e-5
    assert (places == expected[:, 1:]).mean() > 0.999
    assert not (places == np.arange(len(vectors))[:, None]).any()


def test_fewer_pictures_than_neighbors() -> None:
    places, cosines = neighbors.nearest(unit(clouds(3, 2)[0]))
    assert places.shape == cosines.shape == (3, 2)
    assert neighbors.nearest(unit(clouds(1, 1)[0]))[0].shape == (1, 0)


def test_a_nearer_neighbor_has_more_votes() -> None:
    vote = neighbors.votes(
        np.array([[1, 2], [0, 2], [0, 1]]), np.array([[0.9, 0.5]] * 3, np.float32), np.array([0, 0, 1]), 2
    )
    assert vote[0, 0] > 0.9
    assert vote.sum(1) == pytest.approx(1)


def test_changed_labels_are_named_with_their_class() -> None:
    vectors, truth = clouds(400, 4, spread=0.5)
    labels = truth.copy()
    changed = np.arange(0, 400, 25)
    labels[changed] = (labels[changed] + 1) % 4
    near = neighbors.nearest(unit(vectors))
    both = judging.joined(probe.out_of_sample(probe.components(vectors), labels, 4), neighbors.votes(*near, labels, 4))
    found = judging.judge(both, labels)
    assert found.wrong[changed].mean() > 0.8
    assert (found.suggested[changed] == truth[changed]).mean() > 0.9
    assert found.wrong[np.setdiff1d(np.arange(400), changed)].mean() < 0.02
    assert found.certainty[found.wrong].min() > 0.5


def test_a_class_with_one_picture_is_no_reason_to_stop() -> None:
    vectors, labels = clouds(60, 2)
    labels[0] = 2
    both = probe.out_of_sample(probe.components(vectors), labels, 4)  # and the fourth has none
    assert np.isfinite(both).all()
    assert np.isfinite(judging.judge(both, labels).certainty).all()
