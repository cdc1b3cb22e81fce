"""The SVMs and the box regression of R-CNN on features whose meaning is known."""

import numpy as np
import pytest
import torch

from visus.data.boxes import objects
from visus.nets.detection.rcnn import NORM, RCNN
from visus.tasks import rcnn
from visus.tasks.rcnn import Seen


def pictures(count: int, seed: int) -> list[Seen]:
    """Features that tell how much of a box an object of each class fills, and where it lies in it, with noise."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        corner, label = random.uniform(0, 60, 2), int(random.integers(2))
        truth = np.concatenate([corner, corner + 30])
        shifts = np.concatenate(
            [random.normal(0, 4, (20, 4)), random.uniform(-60, 60, (30, 2)).repeat(2, 1)[:, [0, 2, 1, 3]]]
        )
        proposals = np.concatenate([truth[None], truth + shifts]).astype(np.float32)
        proposals[:, 2:] = np.maximum(proposals[:, 2:], proposals[:, :2] + 4)
        own = objects([{"box": truth.tolist(), "label": label}])
        features = random.normal(0, 0.02, (len(proposals), 512)).astype(np.float32)
        seen = Seen(proposals, lambda features=features: features, own)
        features[:, label] += seen.overlaps(label)
        middle = (proposals[:, :2] + proposals[:, 2:]) / 2
        features[:, 2:4] += 4 * (truth[:2] + 15 - middle) / (proposals[:, 2:] - proposals[:, :2])
        made.append(seen)
    return made


@pytest.fixture(scope="module")
def net() -> RCNN:
    made = RCNN(classes=2, backbone="resnet18", side=64)
    rcnn.fit(made, pictures(150, 0))
    return made


def test_objects_score_above_what_overlaps_them_little(net: RCNN) -> None:
    for picture in pictures(20, 1):
        features = torch.from_numpy(picture.features())
        label = int(picture.own.labels[0])
        scores = net.score_matrix(features)
        overlaps = torch.from_numpy(picture.overlaps(label))
        good, bad = scores[overlaps > 0.8][:, label], scores[overlaps < 0.2][:, label]
        assert good.min() > bad.max()
        assert scores[0].argmax() == label
    assert float(net.scale) > 0


def test_features_are_scaled_to_a_mean_norm_of_20(net: RCNN) -> None:
    norms = [np.linalg.norm(p.features(), axis=1).mean() for p in pictures(150, 0)[:100]]
    assert float(net.scale) * np.mean(norms) == pytest.approx(NORM, rel=1e-4)


def test_boxes_move_towards_the_objects(net: RCNN) -> None:
    before, after = [], []
    for picture in pictures(20, 2):
        label = int(picture.own.labels[0])
        near = picture.overlaps(label) > 0.6
        moved = net.moved(torch.from_numpy(picture.features()), torch.from_numpy(picture.boxes))[:, label].numpy()
        middles = [((b[:, :2] + b[:, 2:]) / 2)[near] for b in (picture.boxes, moved)]
        truth = picture.own.boxes[0, :2] + 15
        before.append(np.abs(middles[0] - truth).mean())
        after.append(np.abs(middles[1] - truth).mean())
    assert np.mean(after) < 0.5 * np.mean(before)


def test_a_class_without_objects_is_never_found() -> None:
    made = RCNN(classes=3, backbone="resnet18", side=64)
    rcnn.fit(made, pictures(10, 3))
    assert (made.score_matrix(torch.randn(50, 512))[:, 2] < -5).all()


def test_nothing_is_left_of_an_earlier_training() -> None:
    made = RCNN(classes=3, backbone="resnet18", side=64)
    for learned in (made.svm_weight, made.svm_bias, made.ridge_weight, made.ridge_bias):
        learned.fill_(7)
    rcnn.fit(made, pictures(10, 3))
    assert (made.score_matrix(torch.full((1, 512), 20.0))[:, 2] < -5).all()
    assert not made.ridge_weight[2].any()


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = (RCNN(classes=2, backbone="resnet18", side=64) for _ in range(2))
    for made in (first, second):
        np.random.default_rng().random()
        np.random.rand()  # noqa: NPY002 - nothing may depend on NumPy's own generator
        rcnn.fit(made, pictures(30, 3), seed=4)
    assert torch.equal(first.svm_weight, second.svm_weight)


def test_scores_become_the_chance_to_be_right() -> None:
    random = np.random.default_rng(0)
    scores = random.normal(-2, 1, 4000)  # as of SVMs that were trained on a few pictures: hardly one above 0
    right = random.random(4000) < 1 / (1 + np.exp(-(3 * scores + 5)))
    slope, offset = rcnn.platt(scores, right) or (0.0, 0.0)
    assert slope == pytest.approx(3, rel=0.1)
    assert offset == pytest.approx(5, rel=0.1)
    chance = 1 / (1 + np.exp(-(slope * scores + offset)))
    sure = chance >= 0.5
    assert sure.sum() > 500
    assert right[sure].mean() == pytest.approx(chance[sure].mean(), abs=0.03)


@pytest.mark.parametrize(
    ("scores", "right"), [([], []), ([1.0, 2.0], [1, 1]), ([1.0, 2.0], [0, 0]), ([1, 2, 3], [1, 1, 0])]
)
def test_scores_stay_where_there_is_nothing_to_go_by(scores: list[float], right: list[int]) -> None:
    made = RCNN(classes=2, backbone="resnet18", side=64)
    made.svm_weight.fill_(2)
    assert not rcnn.calibrate(made, np.array(scores, float), np.array(right, bool))
    assert bool((made.svm_weight == 2).all())


def test_a_calibration_keeps_the_order_and_moves_even_odds_to_one_half(net: RCNN) -> None:
    features = torch.from_numpy(pictures(1, 5)[0].features())
    before = net.score_matrix(features)
    weight, bias = net.svm_weight.clone(), net.svm_bias.clone()
    try:
        assert rcnn.calibrate(net, np.array([-3.0, -2.5, -2.0, -1.5]), np.array([False, False, True, True]))
        after = net.score_matrix(features)
    finally:
        net.svm_weight.copy_(weight)
        net.svm_bias.copy_(bias)
    assert torch.equal(before.argsort(0), after.argsort(0))
    even = before[after.abs().argmin() // 2, after.abs().argmin() % 2]
    assert float(even) < 0
