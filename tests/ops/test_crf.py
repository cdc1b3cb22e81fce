"""The dense CRF beside a brute-force mean field, and its lattice beside sums over all pairs."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from visus._errors import InputError
from visus.ops import crf
from visus.ops.crf_learning import Example, learn_compatibility, slope
from visus.ops.lattice import Lattice

Array = NDArray[np.float64]


def gaussian(points: Array) -> Array:
    """The kernel between all pairs of points."""
    square = ((points[:, None] - points[None]) ** 2).sum(-1)
    return np.exp(-square / 2)


def brute_force(probabilities: Array, picture: Array, s: crf.Settings, penalty: Array | None = None) -> Array:
    """Algorithm 1 with every pair written out."""
    classes, *spatial = probabilities.shape
    places = np.stack(np.meshgrid(*map(np.arange, spatial), indexing="ij"), -1).reshape(-1, len(spatial))
    values = picture.reshape(len(places), -1)
    kernels = []
    for weight, points in (
        (s.appearance, np.hstack([places / s.alpha, values / s.beta])),
        (s.smoothness, places / s.gamma),
    ):
        k = gaussian(points)
        root = 1 / np.sqrt(k.sum(1))
        kernels.append(weight * root[:, None] * k * root)
    unary = -np.log(np.maximum(probabilities.reshape(classes, -1).T, 1e-8))
    penalty = 1 - np.eye(classes) if penalty is None else penalty

    def softmax(x: Array) -> Array:
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    q = softmax(-unary)
    for _ in range(s.iterations):
        q = softmax(-unary - sum(k @ q for k in kernels) @ penalty.T)
    return q.T.reshape(probabilities.shape)


def scene(spatial: tuple[int, ...], classes: int = 3, *, channels: int = 3, seed: int = 0) -> tuple[Array, Array]:
    """Noisy answers to a picture of a few flat regions."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in spatial), indexing="ij"))
    truth = np.clip((grid.mean(0) * classes * 1.2).astype(int), 0, classes - 1)
    colors = random.uniform(40, 215, (classes, channels))
    picture = np.clip(colors[truth] + random.normal(0, 6, (*spatial, channels)), 0, 255)
    scores = np.eye(classes)[truth] * 1.2 + random.normal(0, 1, (*spatial, classes))
    probabilities = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    return np.moveaxis(probabilities, -1, 0), picture


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_lattice_filters_as_a_gaussian(axes: int) -> None:
    random = np.random.default_rng(axes)
    points = random.uniform(0, 4, (900, axes))
    values = random.uniform(0, 1, (900, 3))
    exact = gaussian(points) @ values
    found = Lattice(points).filter(values).astype(np.float64)
    factor = (found * exact).sum() / (exact**2).sum()  # the lattice knows the kernel up to one factor
    # The kernel is that of a few blurs, not quite a Gaussian.
    assert np.abs(found / factor - exact).max() < 0.05 * exact.max()


def test_the_lattice_filters_positions_and_colors_as_a_gaussian() -> None:
    probabilities, picture = scene((40, 50))
    places = np.stack(np.meshgrid(np.arange(40), np.arange(50), indexing="ij"), -1)
    points = np.concatenate([places / 10, picture / 20], -1).reshape(-1, 5)
    values = probabilities.reshape(3, -1).T
    exact, found = gaussian(points) @ values, Lattice(points).filter(values).astype(np.float64)
    factor = (found * exact).sum() / (exact**2).sum()
    error = np.sqrt(((found / factor - exact) ** 2).mean() / (exact**2).mean())
    assert error < 0.06


def test_the_lattice_is_the_same_for_many_channels_and_for_one() -> None:
    random = np.random.default_rng(0)
    points, values = random.uniform(0, 5, (500, 5)), random.normal(size=(500, 7))
    lattice = Lattice(points)
    whole = lattice.filter(values)
    for channel in range(7):
        np.testing.assert_allclose(lattice.filter(values[:, channel : channel + 1])[:, 0], whole[:, channel], rtol=1e-6)
    assert 0 < lattice.corners <= 500 * 6


@given(shift=st.floats(-50, 50), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=25)
def test_the_lattice_is_linear_and_does_not_lose_much_where_it_is_moved(shift: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    points, values = random.uniform(0, 2, (200, 2)), random.uniform(0, 1, (200, 2))
    lattice = Lattice(points)
    np.testing.assert_allclose(lattice.filter(3 * values), 3 * lattice.filter(values), rtol=1e-4)
    moved = Lattice(points + shift).filter(values)
    assert np.abs(moved - lattice.filter(values)).max() < 0.2 * moved.max()


@pytest.mark.parametrize("spatial", [(24, 30), (6, 10, 9)])
@pytest.mark.parametrize("channels", [1, 3])
def test_mean_field_equals_brute_force(spatial: tuple[int, ...], channels: int) -> None:
    probabilities, picture = scene(spatial, channels=channels)
    how = crf.Settings(appearance=5, alpha=8, beta=20, smoothness=2, gamma=1.5, iterations=5)
    exact = brute_force(probabilities, picture, how)
    found = crf.refine(probabilities, picture, how)
    assert np.abs(found - exact).mean() < 0.01
    assert (found.argmax(0) == exact.argmax(0)).mean() > 0.99
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)


def test_the_appearance_kernel_is_that_of_the_authors() -> None:
    probabilities, picture = scene((20, 30), seed=5)
    authors = [  # pydensecrf2 1.1, addPairwiseBilateral(sxy=8, srgb=20, compat=2), inference(3), rounded to 1e-5
        [[0.91786, 0.62749, 0.88312, 0.07089, 0.18255], [0.50803, 0.19536, 0.01912, 0.03376, 0.02477],
         [0.62332, 0.17756, 0.03746, 0.16524, 0.17234], [0.05758, 0.13699, 0.03511, 0.06573, 0.04593]],
        [[0.02335, 0.3433, 0.06576, 0.81764, 0.64266], [0.04407, 0.67711, 0.95893, 0.94975, 0.05366],
         [0.32695, 0.68467, 0.06419, 0.06945, 0.12643], [0.89116, 0.0911, 0.29767, 0.02336, 0.27157]],
    ]  # fmt: skip
    how = crf.Settings(appearance=2, alpha=8, beta=20, smoothness=0, iterations=3)
    found = crf.refine(probabilities, picture.astype(np.uint8), how)
    np.testing.assert_allclose(found[:2, ::6, ::7], authors, atol=2e-5)
    older = crf.refine(probabilities, picture.astype(np.uint8), replace(how, order="yx"))
    assert np.abs(older - found).max() > 0.02


def test_smoothness_alone_is_exact() -> None:
    probabilities, picture = scene((20, 25))
    how = crf.Settings(appearance=0, smoothness=3, gamma=2, iterations=4)
    exact = brute_force(probabilities, picture, how)
    np.testing.assert_allclose(crf.refine(probabilities, picture, how), exact, atol=2e-3)


@pytest.mark.parametrize("spatial", [(41, 70), (6, 3), (1, 37), (34, 1)])
@pytest.mark.parametrize("gamma", [3.0, 4.7])
def test_wide_smoothness_goes_over_a_grid_and_is_as_exact(spatial: tuple[int, ...], gamma: float) -> None:
    probabilities, picture = scene(spatial, classes=5)
    how = crf.Settings(appearance=0, smoothness=3, gamma=gamma, iterations=4)
    exact = brute_force(probabilities, picture, how)
    assert crf.Field(picture, spatial, how).coarse
    np.testing.assert_allclose(crf.refine(probabilities, picture, how), exact, atol=4e-3)


@pytest.mark.parametrize("gamma", [1.5, 3.0])
def test_parts_on_several_cores_give_the_same(gamma: float, monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, picture = scene((20, 99), classes=4)
    how = crf.Settings(gamma=gamma, iterations=3)
    found = []
    for count in (1, 3):
        monkeypatch.setattr("visus.ops.lattice.cores", lambda count=count: count)
        found.append(crf.refine(probabilities, picture, how))
    np.testing.assert_allclose(*found, atol=1e-5)


def test_a_learned_compatibility_decides_which_classes_go_together() -> None:
    probabilities, picture = scene((16, 20))
    penalty = np.array([[0, 1, 0.2], [0.3, 0, 2], [0.9, 0.5, 0]])  # a class in a row, its neighbor in a column
    how = crf.Settings(appearance=4, alpha=6, beta=25, smoothness=1, gamma=1, iterations=5)
    exact = brute_force(probabilities, picture, how, penalty)
    learned = replace(how, compatibility=tuple(map(tuple, penalty.tolist())))
    found = crf.refine(probabilities, picture, learned)
    assert np.abs(found - exact).mean() < 0.01
    assert np.abs(found - crf.refine(probabilities, picture, how)).max() > 0.05


def test_the_slope_of_the_compatibility_is_that_of_the_likelihood() -> None:
    """With two positions the likelihood of the truth can be written out, and its mean field is exact where both agree
    to be independent: without any penalty."""
    probabilities = np.array([[0.7, 0.2], [0.3, 0.8]])[:, None]  # (classes, 1, 2)
    truth = np.array([[0, 1]])
    picture = np.zeros((1, 2))
    how = crf.Settings(appearance=0, smoothness=1.5, gamma=1.0, iterations=3)
    near = np.exp(-np.array([[0.0, 1.0], [1.0, 0.0]]) / 2)
    kernel = 1.5 * near / near.sum(1)

    def likelihood(mu: Array) -> float:
        """Over the four labelings; the message to itself counts too, as in refine."""
        scores = {}
        for labels in itertools.product(range(2), repeat=2):
            unary = sum(np.log(probabilities[label, 0, i]) for i, label in enumerate(labels))
            pairs = sum(kernel[i, j] * mu[labels[i], labels[j]] for i in range(2) for j in range(2) if i != j)
            scores[labels] = unary - pairs
        return scores[0, 1] - float(np.logaddexp.reduce(list(scores.values())))

    found = slope(Example(probabilities, picture, truth), how, np.zeros((2, 2), np.float32))
    step = 1e-5
    for a, b in ((0, 0), (0, 1), (1, 1)):
        change = np.zeros((2, 2))
        change[a, b] += step / 2
        change[b, a] += step / 2
        numeric = (likelihood(change) - likelihood(-change)) / (2 * step)
        own = sum(  # what a position sends to itself is no part of the likelihood
            kernel[i, i] * (float(probabilities[a, 0, i] * probabilities[b, 0, i]) - float(truth[0, i] == a == b))
            for i in range(2)
        )
        assert found[a, b] - own == pytest.approx(numeric, abs=1e-4)


def test_a_compatibility_is_learned_where_the_classes_of_the_truth_lie_beside_each_other() -> None:
    probabilities, picture = scene((40, 50), seed=2)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 40), np.linspace(0, 1, 50), indexing="ij"))
    truth = np.clip((grid.mean(0) * 3.6).astype(int), 0, 2)
    truth[:4] = 255
    how = crf.Settings(appearance=2, alpha=8, beta=30, smoothness=1, gamma=1.5, iterations=4)
    example = Example(probabilities, picture, truth)
    *_, learned = learn_compatibility([example], how, rounds=12)
    mu = np.array(learned.compatibility)
    np.testing.assert_array_equal(mu, mu.T)
    assert mu[0, 2] > 1 > mu[0, 0]  # the first and the third class never meet
    counted = truth != 255

    def likelihood(s: crf.Settings) -> float:
        answers = np.take_along_axis(crf.refine(probabilities, picture, s), np.where(counted, truth, 0)[None], 0)[0]
        return float(np.log(answers[counted]).mean())

    assert likelihood(learned) > likelihood(how) + 0.01
    nothing = Example(probabilities, picture, np.full_like(truth, 255))
    assert not slope(nothing, how, np.ones((3, 3), np.float32)).any()
    # The mean field that the expectations come from is the one of these settings.
    half = replace(how, iterations=1)
    assert np.abs(slope(example, how, mu.astype(np.float32)) - slope(example, half, mu.astype(np.float32))).max() > 0.1
    with pytest.raises(InputError, match="at least one"):
        next(learn_compatibility([], how))
    with pytest.raises(InputError, match="does not fit a picture"):
        next(learn_compatibility([Example(probabilities, picture, truth[:3])], how))


def test_it_mends_noisy_answers() -> None:
    probabilities, picture = scene((60, 80), seed=3)
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 80), indexing="ij"))
    truth = np.clip((grid.mean(0) * 3.6).astype(int), 0, 2)
    before = (probabilities.argmax(0) == truth).mean()
    after = (crf.refine(probabilities, picture).argmax(0) == truth).mean()
    assert before < 0.8
    assert after > 0.97


def test_no_iterations_change_nothing() -> None:
    probabilities, picture = scene((8, 9))
    np.testing.assert_allclose(crf.refine(probabilities, picture, crf.Settings(iterations=0)), probabilities, atol=1e-6)


def test_bad_input_is_refused() -> None:
    probabilities, picture = scene((8, 9))
    with pytest.raises(InputError, match="does not fit"):
        crf.refine(probabilities, picture[:4])
    with pytest.raises(InputError, match="numbers"):
        crf.refine(np.full_like(probabilities, np.nan), picture)
    with pytest.raises(InputError, match="no pixels"):
        crf.refine(probabilities[:, :0], picture[:0])
    with pytest.raises(InputError, match="there are 3 classes"):
        crf.refine(probabilities, picture, crf.Settings(compatibility=((0.0, 1.0), (1.0, 0.0))))
    for wild in (10**20, 1e300, float("nan")):
        with pytest.raises(InputError, match="2 rows of as many numbers"):
            crf.Settings(compatibility=((0.0, wild), (1.0, 0.0)))
    with pytest.raises(InputError, match="2 rows of as many numbers"):
        crf.Settings(compatibility=((0.0, 1.0), (1.0,)))
    with pytest.raises(InputError, match="alpha"):
        crf.Settings(alpha=0)
    with pytest.raises(InputError, match="xy or yx"):
        crf.Settings(order="zy")  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="axes"):
        Lattice(np.zeros((3, 17)))
    with pytest.raises(InputError, match="numbers below"):
        Lattice(np.array([[np.nan]]))
    with pytest.raises(InputError, match="shape"):
        Lattice(np.zeros((3, 2))).filter(np.zeros((2, 1)))
