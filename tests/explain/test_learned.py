"""What a network has learned, and what it remembers."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.photographs import photographs
from tests.support.subjects import everything_as_it_was, subject_of
from visus import InputError
from visus.explain import (
    Classifier,
    ascend,
    exciting,
    features_of,
    first_filters,
    invert,
    maps,
    neighbors,
)
from visus.explain.ascent import changed, painted, penalty
from visus.explain.units import seen_by
from visus.images import read
from visus.nets.layers import summary


def spot(row: int, column: int, side: int = 64) -> np.ndarray:
    picture = np.zeros((side, side, 3), np.uint8)
    picture[row, column] = 255
    return picture


def test_no_spectrum_is_gray_and_no_variation() -> None:
    gray = painted(torch.zeros(1, 3, 32, 17, 2), 32)
    torch.testing.assert_close(gray, torch.full((1, 3, 32, 32), 0.5))
    assert float(penalty(gray)) == 0
    moved = changed(gray, torch.Generator().manual_seed(0))
    torch.testing.assert_close(moved, gray)


def test_the_spectrum_of_one_frequency_is_a_wave() -> None:
    spectrum = torch.zeros(1, 3, 32, 17, 2)
    spectrum[0, 0, 0, 4, 0] = 1.0
    row = painted(spectrum, 32)[0, 0, 5] - 0.5
    assert int(torch.fft.rfft(row).abs().argmax()) == 4


def test_ascent_raises_what_was_asked_for_and_leaves_the_network_alone() -> None:
    subject = subject_of("resnet18")
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    found = ascend(subject, ["b", 2], steps=12)
    assert found.names == ("b", "c")
    assert found.pictures.shape == (2, 64, 64, 3)
    assert bool((found.rise[-3:].mean(0) > found.rise[:3].mean(0)).all())
    assert found.probabilities is not None
    again = ascend(subject, ["b", 2], steps=12)
    np.testing.assert_array_equal(found.pictures, again.pictures)
    everything_as_it_was(subject, before)
    channel = ascend(subject, layer="layer2", channels=(3, 5), unit=True, steps=6, size=48)
    assert channel.pictures.shape == (2, 48, 48, 3)
    assert channel.probabilities is None
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "Say classes, or a layer"),
        ({"targets": ["a"], "layer": "layer1", "channels": (0,)}, "Say classes, or a layer"),
        ({"layer": "layer1", "channels": (64,)}, "has channels 0 to 63"),
        ({"layer": "layer9", "channels": (0,)}, "no layer 'layer9'"),
        ({"targets": ["z"]}, "no class 'z'"),
        ({"targets": ["a"], "steps": 0}, "steps must be"),
    )
    for options, words in cases:
        with pytest.raises(InputError, match=words):
            ascend(subject, **options)


@pytest.mark.long
def test_the_network_takes_its_own_pictures_for_the_classes(lite: Classifier) -> None:
    names = ("goldfish", "great white shark", "hen", "golden retriever", "tiger", "zebra", "pizza", "daisy", "volcano")
    found = ascend(lite, [*names, "school bus"], steps=128, size=160)
    assert found.probabilities is not None
    assert min(found.probabilities) >= 0.99


@pytest.mark.slow
def test_a_first_layer_is_inverted_almost_exactly() -> None:
    subject = subject_of("resnet18")
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    picture = np.asarray(read(photographs()["coffee"])[:200, :200])
    told: list[tuple[int, int]] = []
    found = invert(subject, picture, ["conv1"], steps=80, progress=lambda *done: told.append(done))
    assert told[-1] == (80, 80)
    assert found.errors[0] < 0.1
    assert found.differences[0] < 0.12
    assert found.sheet().shape[2] == 3
    everything_as_it_was(subject, before)
    stages = invert(subject, picture, steps=1)
    assert stages.layers == ("stage 1", "stage 2", "stage 3", "stage 4", "stage 5", "embedding")


@pytest.mark.slow
def test_the_deeper_the_layer_the_less_of_the_picture_is_left(lite: Classifier, cat: np.ndarray) -> None:
    small = Classifier("small", lite.backbone, lite.normalize, lite.classes, size=64, resize_to=64)
    found = invert(small, cat, ["conv_stem", "blocks.1", "blocks.3"], steps=30)
    assert list(found.differences) == sorted(found.differences)
    assert found.details[0] > 0.8
    assert found.details[1] < 0.5
    assert found.outlines[1] > found.details[1] + 0.2  # details go first


def test_a_unit_is_shown_what_it_sees() -> None:
    subject = subject_of("alexnet")
    conv = subject.backbone.net.get_submodule("features.0")
    assert isinstance(conv, nn.Conv2d)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[3, :, 5, 5] = 1  # the middle of its field of 11x11: the channel looks for a bright pixel
    dark = np.zeros((64, 64, 3), np.uint8)
    found = exciting(subject, [dark, spot(23, 39), dark], "features.0", 3, most=2)
    assert found.places[0] == 1
    assert found.values[0] > found.values[1]
    assert found.field == (11, 11)
    patch = found.patches[0]
    assert patch.shape == (11, 11, 3)
    assert tuple(np.argwhere(patch[..., 0] == 255)[0]) == (5, 5)
    whole = exciting(subject, [dark, spot(3, 4)], "classifier.6", 0, most=1)
    assert whole.patches[0].shape == (64, 64, 3)
    with pytest.raises(InputError, match="no layer 'nowhere'"):
        exciting(subject, [dark], "nowhere", 0)
    with pytest.raises(InputError, match="channels 0 to 63"):
        exciting(subject, [dark], "features.0", 64)


def test_what_a_unit_sees_is_cut_to_the_picture() -> None:
    table = summary(subject_of("alexnet").backbone.net, (3, 64, 64))
    picture = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64, 1).repeat(3, 2).astype(np.uint8)
    layer = table.layer("features.0")  # 11x11, stride 4, padding 2
    np.testing.assert_array_equal(seen_by(picture, layer, 0, 0), picture[:9, :9])
    np.testing.assert_array_equal(seen_by(picture, layer, 3, 5), picture[10:21, 18:29])
    last = layer.output[1] - 1
    np.testing.assert_array_equal(seen_by(picture, layer, last, last), picture[4 * last - 2 :, 4 * last - 2 :])


def test_filters_and_maps_are_drawn() -> None:
    subject = subject_of("alexnet")
    drawn = first_filters(subject, tile=22)
    assert drawn.shape == (8 * 24 + 2, 8 * 24 + 2, 3)
    first = subject.backbone.net.get_submodule("features.0").weight[0].detach().numpy()  # pyright: ignore
    expected = np.rint(127.5 + 127.5 * first / np.abs(first).max()).astype(np.uint8)
    np.testing.assert_array_equal(drawn[2:24:2, 2:24:2], expected.transpose(1, 2, 0))
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    found, sheet = maps(subject, picture, "features.0", most=5)
    with torch.inference_mode():
        x = subject.normalize(255 * subject.input_of(picture))
        expected = subject.backbone.net.get_submodule("features.0")(x)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert sheet.ndim == 3
    with pytest.raises(InputError, match="gives no maps"):
        maps(subject, picture, "classifier.6")


def test_neighbors_are_those_of_the_last_hidden_layer(lite: Classifier, cat: np.ndarray) -> None:
    others = [read(photographs()[name]) for name in ("coffee", "china", "rocket")]
    mirrored = np.ascontiguousarray(cat[:, ::-1])
    found = neighbors(lite, cat, [*others, mirrored, cat], k=3)
    assert found.places[:2] == [4, 3]
    assert found.distances[0] == pytest.approx(0, abs=1e-3)
    assert found.distances == sorted(found.distances)
    assert "cat" in found.names[1]
    features = features_of(lite, [cat, mirrored, *others])
    with torch.inference_mode():
        expected = lite.embed(lite.input_of(others[0]))[0].numpy()
    np.testing.assert_allclose(features.values[2], expected, rtol=1e-3, atol=1e-3)
    for how in ("pca", "tsne"):
        points = features.layout(how)
        assert points.shape == (5, 2)
        assert points.min() >= 0
        assert points.max() <= 1
    near, far = (np.linalg.norm(features.layout("pca")[0] - features.layout("pca")[k]) for k in (1, 3))
    assert near < far
    assert features.map("pca", side=300).shape == (300, 300, 3)
    with pytest.raises(InputError, match="at least 3 pictures"):
        features_of(lite, [cat]).layout()
