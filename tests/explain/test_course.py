"""Weights as templates, plain ascent, blocks that are taken away."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.photographs import photographs
from tests.support.subjects import everything_as_it_was, linear_subject, subject_of
from visus import InputError
from visus.data import preprocess
from visus.explain import Classifier, ascend_plainly, deletion, first_filters, invert, templates
from visus.explain.blocks import removable, without
from visus.explain.inversion import _kept
from visus.filters import gaussian
from visus.images import read
from visus.nets.classification.mlp import mlp

PICTURES = list(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8))


def perceptron(*hidden: int, kind: preprocess.Kind = "zscore") -> Classifier:
    """A perceptron with random weights on pictures of 6x6."""
    torch.manual_seed(0)
    pictures = torch.randint(0, 256, (50, 3, 6, 6), dtype=torch.uint8)
    net = mlp(classes=4, size=6, channels=3, hidden=hidden)
    return Classifier("mlp", net, preprocess.fit(kind, [pictures]), tuple("abcd"), size=6, resize_to=6)


def test_a_template_of_a_linear_classifier_is_its_row() -> None:
    weight = torch.randn(3, 3 * 5 * 5, generator=torch.Generator().manual_seed(0))
    subject = linear_subject(weight, 5)
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    found = templates(subject)
    assert found.weights is not None
    np.testing.assert_allclose(found.weights / 255, weight.view(3, 3, 5, 5) / 255, rtol=1e-4, atol=1e-6)
    assert found.names == subject.classes
    assert templates(subject, targets=[2]).names == ("class 2",)
    everything_as_it_was(subject, before)


@pytest.mark.parametrize("kind", ["zscore", "zca_whiten"])
def test_filters_of_a_perceptron_are_its_hidden_units_on_the_pixels(kind: preprocess.Kind) -> None:
    subject = perceptron(9, kind=kind)
    drawn = first_filters(subject, tile=6)
    assert drawn.shape == (3 * 8 + 2, 3 * 8 + 2, 3)
    weight = next(own for own in subject.modules() if isinstance(own, nn.Linear)).weight[0].detach()
    row = weight if subject.normalize.matrix is None else weight @ subject.normalize.matrix
    expected = np.rint(127.5 + 127.5 * (row / row.abs().max()).view(3, 6, 6).numpy()).astype(np.uint8)
    assert abs(drawn[2:8, 2:8].astype(int) - expected.transpose(1, 2, 0)).max() <= 1


def test_templates_of_a_deep_network_are_the_pictures_next_to_its_rows() -> None:
    subject = subject_of("resnet18")
    found = templates(subject, PICTURES, targets=["b", "d"], k=2)
    features = torch.cat([subject.embed(subject.input_of(own)) for own in PICTURES])
    rows = subject.backbone.head.weight[[1, 3]]  # pyright: ignore
    cosine = nn.functional.cosine_similarity(rows[:, None], features[None], dim=2)
    assert found.places == cosine.topk(2).indices.tolist()
    assert np.allclose(found.alike, cosine.topk(2).values.tolist(), atol=1e-5)
    assert found.weights is None
    with pytest.raises(InputError, match="name pictures"):
        templates(subject)
    with pytest.raises(InputError, match="k must be"):
        templates(subject, PICTURES, k=0)


def test_plain_ascent_from_black_adds_the_gradient_alone() -> None:
    weight = torch.randn(2, 3 * 4 * 4, generator=torch.Generator().manual_seed(1))
    found = ascend_plainly(linear_subject(weight, 4), [1], steps=3)
    step = 0.02 * (weight[1] / weight[1].abs().max()).view(3, 4, 4)  # the same at each step, as the scores are linear
    x = torch.zeros(3, 4, 4)
    for _ in range(3):
        x = (x + step).clamp(0, 1)
    expected = (255 * x).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(found.pictures[0], expected)
    assert found.rise[0, 0] == 0
    assert bool((np.diff(found.rise[:, 0]) > 0).all())
    with pytest.raises(InputError, match="at least one class"):
        ascend_plainly(linear_subject(weight, 4), [])
    with pytest.raises(InputError, match="no gradient in a black picture"):
        ascend_plainly(linear_subject(torch.zeros(2, 48), 4), [0])


def test_residual_blocks_can_be_taken_away_and_are_there_again() -> None:
    subject = subject_of("resnet18")
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    found = deletion(subject, PICTURES)
    assert found.kind == "blocks"
    assert found.names == ("layer1.0", "layer1.1", "layer2.1", "layer3.1", "layer4.1")  # those without a shortcut
    assert found.kept.shape == (5,)
    everything_as_it_was(subject, before)
    picture = found.drawn()
    assert picture is not None
    assert picture.shape[2] == 3
    plain = deletion(subject_of("cnn"), PICTURES[:2])
    assert plain.kind == "layers"
    assert len(plain.names) == 3  # of six, those that keep the number of channels
    with pytest.raises(InputError, match="no block or layer"):
        deletion(perceptron(4), [np.zeros((6, 6, 3), np.uint8)])
    with pytest.raises(InputError, match="no pictures"):
        deletion(subject, [])


def test_a_network_without_a_block_is_the_network_of_the_others() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 1, 1))
    x = torch.rand(1, 1, 4, 4)
    kind, parts = removable(net, x)
    assert (kind, list(parts)) == ("layers", ["1"])
    with without(parts["1"]):
        torch.testing.assert_close(net(x), net[2](net[0](x)))
    torch.testing.assert_close(net(x), net[2](net[1](net[0](x))))


def test_inversion_says_what_each_layer_keeps() -> None:
    found = invert(subject_of("alexnet"), PICTURES[0], ["features.0", "features.8"], steps=2)
    assert len(found.details) == len(found.outlines) == 2
    assert found.curves().shape[2] == 3


def test_noise_is_no_detail_and_a_smooth_picture_keeps_its_outlines() -> None:
    picture = read(photographs()["coffee"])[:200, :200]
    assert _kept(picture, picture) == pytest.approx((1, 1))
    fine, coarse = _kept(picture, gaussian(picture, sigma=3.0))
    assert fine < 0.5
    assert coarse > 0.95
    noise = np.random.default_rng(0).integers(0, 256, picture.shape, np.uint8)  # its slope is larger than any picture's
    assert np.abs(_kept(picture, noise)).max() < 0.1
    assert _kept(picture, np.full_like(picture, 90)) == (0, 0)
