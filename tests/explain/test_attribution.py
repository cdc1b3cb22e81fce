"""Which pixels speak for a class."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.photographs import photographs
from tests.support.subjects import everything_as_it_was, subject_of
from visus import InputError, nets
from visus.explain import (
    METHODS,
    Classifier,
    ascend,
    curves,
    exciting,
    maps,
    saliency,
    sanity,
)
from visus.explain.attribution import attribute
from visus.explain.rectifiers import Rectifiers
from visus.explain.subject import asking
from visus.ops import Normalize

NETS = {"alexnet": 64, "vgg16": 64, "googlenet": 64, "resnet18": 64, "efficientnet_lite0": 64}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETS)
def test_the_network_is_left_as_it_was(name: str) -> None:
    subject = subject_of(name, NETS[name])
    subject.train()
    frozen = next(subject.parameters()).requires_grad_(False)
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    picture = np.random.default_rng(0).integers(0, 255, (70, 80, 3), dtype=np.uint8)
    for method in ("saliency", "guided", "gradcam"):
        found = saliency(subject, picture, method=method)
        assert np.isfinite(found.values).all()
        assert found.values.shape[1:] == (NETS[name],) * 2
    assert all(module.training for module in subject.modules())
    assert [p for p in subject.parameters() if not p.requires_grad] == [frozen]
    everything_as_it_was(subject, before)


@pytest.mark.parametrize(
    "rectifier", [nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(inplace=True), torch.relu, torch.relu_]
)
def test_gradients_pass_rectifiers_by_their_rule(rectifier: Any) -> None:
    x = torch.tensor([-1.0, 2.0, 3.0, -4.0])
    upper = torch.tensor([1.0, -1.0, 2.0, 3.0])
    expected = {"plain": [0.0, -1, 2, 0], "deconv": [1.0, 0, 2, 3], "guided": [0.0, 0, 2, 0]}
    for rule, wanted in expected.items():
        leaf = x.clone().requires_grad_()
        with Rectifiers(rule):  # pyright: ignore[reportArgumentType]
            kept = 1 * leaf
            y = rectifier(kept)
        torch.testing.assert_close(y.detach(), x.clamp(min=0))
        torch.testing.assert_close(kept.detach(), x)  # not in place
        y.backward(upper)
        assert leaf.grad is not None
        assert leaf.grad.tolist() == wanted


def test_plain_gradients_are_those_of_finite_differences() -> None:
    subject = subject_of("resnet18")
    x = torch.rand(1, 3, 64, 64)
    values = attribute(subject, x, [2], "saliency")
    step = 1e-4 * values.sign()
    with torch.inference_mode(), asking(subject):
        rise = (subject(x + step) - subject(x - step))[0, 2] / 2
    torch.testing.assert_close((values * step).sum(), rise, rtol=0.01, atol=0)


def test_integrated_gradients_add_up_to_the_difference_of_the_scores(lite: Classifier) -> None:
    rocket = photographs()["rocket"]
    found = saliency(lite, rocket, method="integrated")
    x = lite.input_of(rocket)
    with torch.inference_mode():
        rise = float((lite(x) - lite(torch.zeros_like(x)))[0, found.target])
    assert found.gap is not None
    assert found.gap <= 0.02
    assert abs(float(found.values.sum()) - rise) / abs(rise) == pytest.approx(found.gap, abs=1e-3)
    assert found.to_dict()["gap"] == pytest.approx(found.gap, abs=1e-6)


class _Step(nn.Module):
    """Its score is 0 up to a share of the way from black, and grows steeply from there on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (20 * (x.mean((1, 2, 3), keepdim=False)[:, None] - 0.49)).clamp(0, 1) * torch.tensor([[1.0, 2.0]])


def test_integrated_gradients_take_more_steps_where_the_score_is_steep(monkeypatch: pytest.MonkeyPatch) -> None:
    from visus.explain import integrated

    subject = subject_of("alexnet")
    subject.forward = _Step().forward
    x = torch.full((1, 3, 8, 8), 0.9)
    values = integrated.integrated(subject, x, [1])
    assert integrated.gap(subject, x, [1], values).item() <= integrated.TOLERANCE
    monkeypatch.setattr(integrated, "MOST", integrated.LEAST)  # as few as were taken before
    few = integrated.integrated(subject, x, [1])
    assert integrated.gap(subject, x, [1], few).item() > 0.1


def test_integrated_gradients_of_a_straight_line_are_exact() -> None:
    from visus.explain import integrated

    class Line(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x.sum((1, 2, 3)), 3 * x[:, 0, 0, 0]], 1)

    subject = subject_of("alexnet")
    subject.forward = Line().forward
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    values = integrated.integrated(subject, x, [0, 1])
    torch.testing.assert_close(values[0], x[0])
    torch.testing.assert_close(values[1], 3 * x[1] * (torch.arange(48).view(3, 4, 4) == 0))


def test_grad_cam_is_the_class_activation_map_of_a_network_with_a_global_mean() -> None:
    subject = subject_of("resnet18")  # Selvaraju et al., section 3.1: equal up to a factor
    picture = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    found = saliency(subject, picture, method="gradcam", target="c")
    with torch.inference_mode():
        last = subject.backbone.eval().last(subject.normalize(255 * subject.input_of(picture)))
        expected = torch.einsum("c,nchw->nhw", subject.backbone.head.weight[2], last).relu()[:, None]
    expected = torch.nn.functional.interpolate(expected, (64, 64), mode="bilinear")[0]
    scale = float(expected.max()) / float(found.values.max())
    np.testing.assert_allclose(found.values * scale, expected.numpy(), rtol=1e-3, atol=1e-3 * float(expected.max()))


def test_several_pictures_at_once_give_what_each_gives_alone(lite: Classifier, cat: np.ndarray) -> None:
    x = torch.cat([lite.input_of(cat), lite.input_of(np.ascontiguousarray(cat[:, ::-1]))])
    together = attribute(lite, x, [281, 282], "gradcam")
    for k, target in enumerate((281, 282)):
        torch.testing.assert_close(
            together[k : k + 1], attribute(lite, x[k : k + 1], [target], "gradcam"), rtol=1e-3, atol=1e-4
        )


def test_occlusion_finds_the_only_thing_that_counts() -> None:
    class Corner(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.stack([x[:, :, 8:16, 40:48].mean((1, 2, 3)), x.mean((1, 2, 3))], 1)

    subject = subject_of("alexnet")
    subject.backbone, subject.classes = Corner(), ("corner", "all")  # pyright: ignore[reportAttributeAccessIssue]
    picture = np.full((64, 64, 3), 40, np.uint8)
    picture[8:16, 40:48] = 250
    with torch.no_grad():
        values = attribute(subject, subject.input_of(picture), [0], "occlusion")[0, 0]
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[4:20, 36:52] = True
    assert values[inside].mean() > 20 * values[~inside].abs().mean()


@pytest.mark.slow
def test_a_good_map_loses_the_class_sooner_than_its_reverse(lite: Classifier, cat: np.ndarray) -> None:
    found = saliency(lite, cat, method="gradcam")
    good = curves(lite, cat, found)
    assert good.share[0] == 0
    assert good.deletion[0] == pytest.approx(found.probability, abs=1e-4)
    assert good.insertion[-1] == pytest.approx(found.probability, abs=1e-4)
    bad = curves(
        lite,
        cat,
        dataclasses.replace(found, values=found.values.max() - found.values),
    )
    assert good.areas[1] > bad.areas[1]
    assert good.areas[0] < bad.areas[0]


@pytest.mark.slow
def test_random_weights_destroy_the_map(lite: Classifier, cat: np.ndarray) -> None:
    before = {key: value.clone() for key, value in lite.state_dict().items()}
    found = sanity(lite, cat, method="saliency")
    assert found.passed
    assert found.similarity[-1] < 0.5
    for key, value in lite.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


@pytest.mark.slow
def test_every_method_answers(lite: Classifier, cat: np.ndarray, tmp_path: Path) -> None:
    small = subject_of("resnet18")
    found = saliency(small, cat)
    for method in METHODS:
        found = saliency(small, cat, method=method)
        assert found.heat().shape == (64, 64)
        assert 0 <= found.heat().min() <= found.heat().max() <= 1
        assert found.overlay().shape == (64, 64, 3)
    found.save(tmp_path / "a.png")
    found.save(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), found.values)


def test_mistakes_are_named(lite: Classifier, cat: np.ndarray) -> None:
    for arguments, words in (
        ({"target": "cat"}, "did you mean tiger cat, Persian cat, Siamese cat"),
        ({"target": 1000}, "no class"),
        ({"layer": "nowhere"}, "no layer 'nowhere'"),
        ({"method": "guided", "layer": "blocks"}, "layer does nothing beside guided"),
        ({"method": "magic"}, "must be one of"),
    ):
        with pytest.raises(InputError, match=words):
            saliency(lite, cat, **arguments)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="efficientnet_lite0"):
        saliency("efficientnet_light0", cat)


def test_a_layer_whose_output_is_changed_in_place_is_seen_as_it_was() -> None:
    subject = subject_of("resnet18")
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    layer = subject.layer_named("layer1.0.bn2")  # the residual sum is added to it in place
    inputs: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0].clone()))
    found, _ = maps(subject, picture, "layer1.0.bn2")
    hook.remove()
    with torch.no_grad():
        expected = layer.eval()(inputs[-1])[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert saliency(subject, picture, method="gradcam", layer="layer1.0.bn2").values.shape == (1, 64, 64)
    assert saliency(subject, picture, method="gradcam", layer="net.layer1.0.bn2").values.shape == (1, 64, 64)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"])
def test_transformers_are_not_explained_by_what_they_have_not(name: str) -> None:
    subject = subject_of(name, 224)
    picture = np.zeros((224, 224, 3), np.uint8)
    for method, words in (("gradcam", "gives no maps"), ("guided", "has no ReLU"), ("deconv", "has no ReLU")):
        with pytest.raises(InputError, match=words):
            saliency(subject, picture, method=method)  # pyright: ignore[reportArgumentType]
    assert saliency(subject, picture, method="saliency").values.shape == (3, 224, 224)


def test_a_gray_network_is_explained() -> None:
    torch.manual_seed(0)
    normalize = Normalize.of_channels((0.5,), (0.25,))
    net = nets.create("cnn", classes=3, channels=1)
    subject = Classifier("cnn", net, normalize, tuple("abc"), size=28, resize_to=28, gray=True)
    picture = np.random.default_rng(0).integers(0, 255, (28, 28, 3), dtype=np.uint8)
    for method in METHODS:
        assert saliency(subject, picture, method=method).overlay().shape == (28, 28, 3)
    assert ascend(subject, ["b"], steps=2).pictures.shape == (1, 28, 28, 3)
    assert exciting(subject, [picture], first_layer(subject), 0).field[0] >= 3


def first_layer(subject: Classifier) -> str:
    return next(name for name, module in subject.layers.items() if isinstance(module, nn.Conv2d))


def test_a_map_that_ignores_the_network_does_not_pass_the_check(lite: Classifier, cat: np.ndarray) -> None:
    picture = np.ascontiguousarray(cat[:80, :80])
    subject = subject_of("alexnet")
    checked = sanity(subject, picture, method="saliency")
    assert checked.similarity[-1] < 0.9
    edges = type(checked)(checked.layers, [1.0] * len(checked.layers), checked.explanation)
    assert not edges.passed


def test_an_open_network_is_asked_where_it_was_opened(lite: Classifier, cat: np.ndarray) -> None:
    with pytest.raises(InputError, match="open already"):
        saliency(lite, cat, box=(0, 0, 1, 1))
    with pytest.raises(InputError, match="has no class"):
        saliency(lite, cat, target="²")
    with pytest.raises(InputError, match="takes no pictures of 32 pixels"):
        ascend(subject_of("alexnet"), ["a"], size=32)
    with pytest.raises(InputError, match="unit does nothing"):
        ascend(lite, ["goldfish"], unit=True)
