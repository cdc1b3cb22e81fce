"""Networks that are ill on purpose: each illness is named, and its cure helps."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.trainings import GOOD, SICK, first_said
from visus.nets.classification.mlp import mlp
from visus.tasks.chance import by_chance, by_one_class, far_off
from visus.tasks.health import Finding, History, Measure, Monitor, diagnose, lower

CLASSES = 4


def _batches(steps: int) -> list[tuple[Tensor, Tensor]]:
    """Pictures of 6x6 whose class is the quarter that is bright."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(steps):
        labels = torch.randint(0, CLASSES, (32,), generator=generator)
        x = torch.randn(32, 1, 6, 6, generator=generator)
        for k, label in enumerate(labels.tolist()):
            x[k, 0, 3 * (label // 2) : 3 * (label // 2) + 3, 3 * (label % 2) : 3 * (label % 2) + 3] += 2
        batches.append((x, labels))
    return batches


def _train(net: nn.Module, *, lr: float, steps: int = 40, clip: float | None = None) -> tuple[list[Finding], float]:
    """Plain training with the monitor beside it: what it finds, and the last loss."""
    torch.manual_seed(0)
    monitor = Monitor(net, every=5)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    value = math.nan
    for step, (x, labels) in enumerate(_batches(steps)):
        due = monitor.due(step)
        if due:
            monitor.watch()
        loss = nn.functional.cross_entropy(net(x), labels)
        value = loss.item()
        if not math.isfinite(value):
            break
        optimizer.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        if due:
            monitor.gradients()
        optimizer.step()
        if due:
            monitor.updates(step, value)
    return diagnose(monitor.history, lr=lr), value


def _kinds(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings}


def _deep(activation: str, depth: int = 10, batch_norm: bool = False) -> nn.Module:
    torch.manual_seed(1)
    return mlp(classes=CLASSES, size=6, channels=1, hidden=(24,) * depth, activation=activation, batch_norm=batch_norm)


def _scaled(net: nn.Module, factor: float) -> nn.Module:
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Linear):
                layer.weight *= factor
    return net


def test_a_healthy_network_is_left_in_peace() -> None:
    findings, loss = _train(_deep("relu", depth=2), lr=0.1, steps=120)
    assert findings == []
    assert loss < 0.5


def test_a_deep_sigmoid_network_vanishes_and_relu_or_batch_norm_cures_it() -> None:
    findings, loss = _train(_deep("sigmoid"), lr=0.1)
    assert "vanishing" in _kinds(findings)
    message = next(f.message for f in findings if f.kind == "vanishing")
    assert "ReLU" in message
    assert "batch normalization" in message
    assert loss > 1.3  # it has not learned
    for cure in (_deep("relu", batch_norm=True), _deep("sigmoid", batch_norm=True)):
        assert "vanishing" not in _kinds(_train(cure, lr=0.1)[0])
    torch.manual_seed(1)
    relu = _scaled(_deep("relu"), math.sqrt(6.0))  # He's deviation in place of torch's
    assert "vanishing" not in _kinds(_train(relu, lr=0.01)[0])


def test_large_weights_explode_and_clipping_or_batch_norm_cures_them() -> None:
    findings, _ = _train(_scaled(_deep("relu"), 8.0), lr=1e-4)
    assert "exploding" in _kinds(findings)
    assert "--clip-norm" in next(f.message for f in findings if f.kind == "exploding")
    normed = _train(_scaled(_deep("relu", batch_norm=True), 8.0), lr=1e-2)
    assert "exploding" not in _kinds(normed[0])
    clipped, _ = _train(_scaled(_deep("relu", depth=4), 5.0), lr=1e-2, clip=1.0)
    assert "exploding" not in _kinds(clipped)


def _dying(activation: str, batch_norm: bool = False) -> nn.Module:
    """Biases that a reckless step has pushed far below 0."""
    net = _deep(activation, depth=2, batch_norm=batch_norm)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.Linear) and layer.bias is not None and layer.out_features == 24:
                layer.bias.sub_(20)
    return net


@pytest.mark.parametrize(("share", "kinds"), [(0.7, set()), (0.95, {"dead"})])
def test_a_layer_that_becomes_sparse_in_a_training_that_learns_is_no_illness(share: float, kinds: set[str]) -> None:
    measures = [[Measure(dead=dead)] for dead in (0.2, 0.4, share, share)]
    history = History(["relu"], [0, 1, 2, 3], [2.0, 1.0, 0.3, 0.2], measures)
    assert _kinds(diagnose(history, lr=0.01)) == kinds


def test_dead_units_are_named_and_leaky_relu_or_batch_norm_cures_them() -> None:
    findings, _ = _train(_dying("relu"), lr=0.1)
    assert "dead" in _kinds(findings)
    assert "leaky ReLU" in next(f.message for f in findings if f.kind == "dead")
    assert "dead" not in _kinds(_train(_dying("leaky_relu"), lr=0.1)[0])
    assert "dead" not in _kinds(_train(_dying("relu", batch_norm=True), lr=0.1)[0])


def test_saturated_units_are_named() -> None:
    findings, _ = _train(_scaled(_deep("tanh", depth=2), 40.0), lr=1e-4)
    assert "saturated" in _kinds(findings)


def test_a_diverging_training_is_named_and_a_lower_rate_cures_it() -> None:
    findings, _ = _train(_deep("relu", depth=2), lr=30.0)
    assert {"diverging", "exploding"} & _kinds(findings)
    rising = History(["a"], list(range(8)), [1, 1, 1, 2, 3, 4, 5, 6], [[Measure()] for _ in range(8)])
    (finding,) = diagnose(rising, lr=0.5)
    assert finding.kind == "diverging"
    assert "0.05" in finding.message
    assert _train(_deep("relu", depth=2), lr=0.1)[0] == []


def test_a_loss_that_rises_as_further_layers_are_opened_does_not_diverge() -> None:
    opened = History(
        ["a"], list(range(8)), [0.17, 0.15, 0.17, 0.4, 0.6, 0.5, 0.4, 0.38], [[Measure()] for _ in range(8)]
    )
    assert diagnose(opened, lr=0.5) == []


def test_measures_agree_with_torch() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Sigmoid())
    monitor = Monitor(net)
    assert monitor.history.layers == ["1", "2", "3", "4"]
    monitor.watch()
    x = torch.randn(5, 4)
    net(x).sum().backward()
    monitor.gradients()
    first: nn.Linear = net[1]  # pyright: ignore[reportAssignmentType]
    before = first.weight.detach().clone()
    assert first.weight.grad is not None
    gradient = first.weight.grad.norm().item()
    torch.optim.SGD(net.parameters(), lr=0.5).step()
    monitor.updates(7, 1.25)
    row = monitor.history.measures[0]
    assert row[0].gradient == pytest.approx(gradient)
    assert row[0].update == pytest.approx(0.5 * gradient / before.norm().item())
    with torch.no_grad():
        hidden = torch.relu(nn.functional.linear(x, before, first.bias + 0.5 * first.bias.grad))  # pyright: ignore
    assert row[1].dead == pytest.approx((hidden == 0).all(0).float().mean().item())
    assert row[1].gradient is None
    assert row[3].saturated is not None
    assert monitor.history.table("update").shape == (4, 1)
    assert np.isnan(monitor.history.table("update")[1, 0])
    assert not net[2]._forward_hooks
    again = History.from_dict(monitor.history.to_dict())
    assert again == monitor.history


def test_convolution_units_are_channels_and_live_if_they_ever_did() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    layer: nn.Conv2d = net[0]  # pyright: ignore[reportAssignmentType]
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
        layer.bias.zero_()
    monitor = Monitor(net)

    def dead(x: Tensor) -> float | None:
        monitor.watch()
        net(x).sum().backward()
        monitor.gradients()
        monitor.updates(0, 0.0)
        return monitor.history.measures[-1][1].dead

    assert dead(torch.ones(2, 1, 3, 3)) == 0.5
    assert dead(-torch.ones(2, 1, 3, 3)) == 0.0  # the other one lives too, and the first did before
    monitor.new_epoch()
    assert dead(torch.ones(2, 1, 3, 3)) == 0.5


def test_few_measures_say_nothing() -> None:
    empty: Callable[[], History] = History
    assert diagnose(empty(), lr=1.0) == []


def test_weights_that_begin_at_zero_are_no_illness() -> None:
    layer = nn.Sequential(nn.Flatten(), nn.Linear(36, CLASSES))
    nn.init.zeros_(layer[1].weight)  # pyright: ignore[reportArgumentType]
    findings, loss = _train(layer, lr=0.1)
    assert findings == []
    assert loss < 1


def test_clipping_is_not_advised_where_it_is_set() -> None:
    history = History(["a"], [0, 1, 2], [1.0, 1.0, 1.0], [[Measure(1e4, 1.0, 0.9)] for _ in range(3)])
    plain, clipped = (diagnose(history, lr=0.5, clipped=clipped) for clipped in (False, True))
    assert "--clip-norm" in plain[0].message
    assert clipped
    assert not any("--clip-norm" in finding.message for finding in clipped)


def test_chance_is_told_from_luck() -> None:
    counts = [10, 10, 10]
    assert by_chance([0.3] * 6, [0.9] * 6, counts)
    assert by_chance([0.3, 0.3, 0.45, 0.47], [1.12] * 4, counts)  # luck: the loss knows nothing
    assert not by_chance([0.3, 0.3, 0.45, 0.47], [0.9] * 4, counts)
    assert not by_chance([0.3, 0.3, 0.9, 0.9], [1.12] * 4, counts)
    assert not by_chance([], [], counts)
    few = [2, 2]
    assert not by_chance([0.75] * 4, [0.4] * 4, few)  # three of four, and the loss knows more than the frequencies
    assert by_chance([0.5] * 4, [0.9] * 4, few)
    assert by_chance([0.45] * 4, [2.1] * 4, counts, hinge=True)  # each of three classes by a margin of one: 2
    assert not by_chance([0.45] * 4, [1.2] * 4, counts, hinge=True)


def test_the_mend_of_a_rate_fits_the_optimizer_and_the_steps() -> None:
    history = History(["a"], [0, 1, 2], [1.0, 1.0, 1.0], [[Measure(1e4, 1.0, 52.39)] for _ in range(3)])
    (adam,) = diagnose(history, lr=10.0, usual=1e-3, optimizer="adamw")
    assert adam.message.endswith("lower --lr (now 10), for example to 0.001.")
    (plain,) = diagnose(history, lr=10.0, usual=1e-6)
    assert "for example to 0.0002, or clip the gradient" in plain.message
    assert "to 0.0001" in lower(history, 1e-3, usual=1e-3)  # the default is the very one that is too high
    calm = History(["a"], [0, 1, 2], [1.0, 1.0, 1.0], [[Measure(1e4, 1.0, 0.01)] for _ in range(3)])
    (found,) = diagnose(calm, lr=1e-3, optimizer="adam")
    assert found.kind == "exploding"
    assert "clip" not in found.message


def test_a_probe_whose_steps_are_too_small_is_named() -> None:
    """Of a last layer of 1,280 by 5 that begins at zero each step of Adam at 1e-7 is 1.2e-5."""
    history = History(["a"], list(range(9)), [1.609] * 9, [[Measure(0.1, 1.0, 1.2e-5)] for _ in range(9)])
    assert _kinds(diagnose(history, lr=1e-7, finished=True)) == {"timid"}
    assert _kinds(diagnose(history, lr=1e-7, stopped=True)) == {"timid"}  # all of val may be right by luck
    assert not diagnose(history, lr=1e-7)


def test_a_loss_far_above_guessing_names_the_rate_and_not_the_labels() -> None:
    finding = far_off([1356.0], 5, "lower --lr (now 1), for example to 0.001")
    assert finding
    assert finding.message.endswith("the loss on val is 1.36e+03, and that of guessing 1.61; lower --lr (now 1), for "
                                    "example to 0.001.")  # fmt: skip
    assert not far_off([2.0, 5.0], 5, "")  # learned by heart
    assert far_off([50.0], 4, "", hinge=True)
    assert not far_off([20.0], 4, "", hinge=True)


@pytest.mark.parametrize("counts", [[12, 1], [1, 1], [3, 3, 3]])
def test_a_val_that_is_too_small_is_said_to_be_and_no_label_is_doubted(counts: list[int]) -> None:
    finding = by_chance([0.3] * 4, [1.5] * 4, counts)
    assert finding
    assert "too small to tell" in finding.message
    assert "labels" not in finding.message


def test_a_segmenter_is_better_than_one_class_everywhere() -> None:
    counts, names = [900, 60, 40], ["ground", "disc", "square"]
    finding = by_one_class(0.17, 0.46, counts, names)
    assert finding
    assert "its mean IoU is 17%, that of calling all of it ground 30%, and that of the training" in finding.message
    assert not by_one_class(0.4, 0.46, counts, names)
    assert not by_one_class(0.17, 0.25, counts, names)  # it has only begun
    assert not by_one_class(0.9, 0.95, [900, 0], names[:2])


@pytest.mark.parametrize(("share", "kinds"), [(0.63, set()), (0.95, {"dead"})])
def test_units_of_pretrained_layers_that_are_of_no_use_are_not_called_dead(share: float, kinds: set[str]) -> None:
    history = History(["relu"], [0, 1, 2, 3], [1.7, 1.7, 1.6, 1.6], [[Measure(dead=share)] for _ in range(4)])
    assert _kinds(diagnose(history, lr=0.01)) == kinds
    died = History(["relu"], [0, 1, 2, 3], [1.7] * 4, [[Measure(dead=dead)] for dead in (0.1, 0.4, 0.6, 0.6)])
    assert _kinds(diagnose(died, lr=0.01)) == {"dead"}


@pytest.mark.slow
def test_six_trainings_are_judged_right(tmp_path: Path) -> None:
    names = ("mlp", "probe", "unet", "rate of 10", "thirty plain layers", "labels of other pictures")
    for case in (case for case in (*GOOD, *SICK) if case.name in names):
        kind, sentence = first_said(case, tmp_path)
        assert kind == case.truth, (case.name, sentence)
