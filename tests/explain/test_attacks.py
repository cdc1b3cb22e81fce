"""Changes that change an answer."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.support.subjects import everything_as_it_was, linear_subject, subject_of
from visus import InputError
from visus.explain import ATTACKS, Classifier, attack, fool, fool_from_noise
from visus.explain.attacks import Attack
from visus.ops import perturb
from visus.ops.perturb import NORMS, Norm


@pytest.fixture(scope="module")
def line() -> Classifier:
    torch.manual_seed(0)
    return linear_subject(torch.randn(3, 48), 4)


@pytest.mark.parametrize("how", ATTACKS)
@pytest.mark.parametrize("norm", NORMS)
def test_every_attack_stays_in_its_ball_and_leaves_the_network_alone(how: Attack, norm: Norm) -> None:
    subject = subject_of("resnet18", 32)
    before = {key: value.clone() for key, value in subject.state_dict().items()}
    x = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        labels = subject.eval()(x).argmax(1)
    subject.train()
    epsilon = 4 / 255 if norm == "linf" else 1.0
    found = attack(subject, x, labels, how=how, epsilon=epsilon, norm=norm, steps=5)
    assert bool((perturb.length(found.after - x, norm) <= epsilon * 1.001).all())
    assert float(found.after.min()) >= 0
    assert float(found.after.max()) <= 1
    assert all(module.training for module in subject.modules())
    everything_as_it_was(subject, before)
    likelihood = [own[torch.arange(3), labels].mean() for own in (torch.softmax(_ask(subject, x), 1), found.answers)]
    assert likelihood[1] < likelihood[0]


def _ask(subject: Classifier, x: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        answers = subject.eval()(x)
    return answers


def test_one_step_on_a_linear_network_is_the_best_there_is(line: Classifier) -> None:
    x = torch.full((1, 3, 4, 4), 0.5)
    weight = line.backbone.head.weight.detach()
    label = int((weight @ x.flatten()).argmax())
    others = [k for k in range(3) if k != label]
    target = others[0]
    found = attack(line, x, torch.tensor([label]), how="fgsm", epsilon=0.1, targets=torch.tensor([target]))
    # The gradient of the cross-entropy is that of the target's score less the mean of all by their probabilities.
    share = torch.softmax(weight @ x.flatten(), 0)
    slope = weight[target] - share @ weight
    torch.testing.assert_close(found.after, x + 0.1 * slope.sign().view_as(x))


def test_deepfool_finds_the_nearest_border_of_a_linear_network(line: Classifier) -> None:
    x = torch.full((1, 3, 4, 4), 0.5)
    weight = line.backbone.head.weight.detach()
    scores = weight @ x.flatten()
    label = int(scores.argmax())
    for norm in NORMS:
        ways = []
        for other in range(3):
            if other != label:
                slope = weight[label] - weight[other]
                size = slope.norm() if norm == "l2" else slope.abs().sum()
                ways.append(float((scores[label] - scores[other]) / size))
        found = attack(line, x, torch.tensor([label]), how="deepfool", epsilon=10.0, norm=norm)
        assert bool(found.success.all())
        assert float(perturb.length(found.after - x, norm)) == pytest.approx(min(ways), rel=0.03, abs=3e-4)


@pytest.mark.filterwarnings("ignore:Input Tensor")
def test_steps_and_bounds_are_those_of_another_library() -> None:
    from captum.robust import FGSM, PGD

    subject = subject_of("resnet18").eval()
    x = torch.rand(2, 3, 64, 64)
    labels = _ask(subject, x).argmax(1)
    theirs_begin = x.clone().requires_grad_()
    loss = torch.nn.CrossEntropyLoss(reduction="none")
    theirs: Any = FGSM(subject, loss, 0.0, 1.0).perturb(theirs_begin, 2 / 255, labels)
    ours = attack(subject, x, labels, how="fgsm", epsilon=2 / 255).after
    assert float((ours - theirs).abs().gt(1e-5).float().mean()) < 2e-3  # where the gradient is all but 0
    theirs = PGD(subject, loss, 0.0, 1.0).perturb(theirs_begin, 4 / 255, 2.5 * 4 / 255 / 3, 3, labels)
    ours = attack(subject, x, labels, how="ifgsm", epsilon=4 / 255, steps=3).after
    # Signs of gradients that are all but 0 differ, and so do the ways behind them; both come as far.
    reached = [loss(_ask(subject, own.detach()), labels) for own in (ours, theirs)]
    torch.testing.assert_close(reached[0], reached[1], rtol=0.02, atol=0.0)


def test_a_picture_is_left_alone_once_it_fools() -> None:
    subject = subject_of("resnet18").eval()
    x = torch.rand(4, 3, 64, 64)
    labels = _ask(subject, x).argmax(1)
    wrong = (labels + 1) % 4
    found = attack(subject, x, wrong, epsilon=2 / 255, how="ifgsm", stop=True)  # all of them are wrong already
    torch.testing.assert_close(found.after, x, rtol=0, atol=0)
    assert bool(found.success.all())


def test_a_cat_becomes_a_goldfish_and_what_is_shown_does_it(lite: Classifier, cat: np.ndarray) -> None:
    found = fool(lite, cat, target="goldfish", epsilon=2 / 255, steps=12)
    assert found.fooled
    assert "cat" in found.names[0]
    assert found.names[1] == "goldfish"
    assert found.linf <= 2.001 / 255
    difference = np.abs(found.after.astype(int) - found.before)
    assert 0 < difference.max() <= 2
    x = torch.from_numpy(found.after.transpose(2, 0, 1).copy())[None].float() / 255
    probability = float(_ask(lite, x).softmax(1)[0, lite.classes.index("goldfish")])
    assert probability == pytest.approx(found.probabilities[1], abs=1e-3)
    assert found.sheet().shape[1] > 3 * 280
    assert found.change().mean() == pytest.approx(127.5, abs=2)


def test_the_least_change_fools_with_eight_bits_too(lite: Classifier, cat: np.ndarray) -> None:
    found = fool(lite, cat, how="deepfool", norm="l2", epsilon=5.0)
    assert found.fooled
    assert found.l2 <= 5.0
    assert found.l2 < fool(lite, cat, how="pgd", norm="l2", epsilon=5.0, steps=3).l2


def test_noise_becomes_a_class(lite: Classifier) -> None:
    found = fool_from_noise(lite, "goldfish")
    assert found.fooled
    assert found.probabilities[1] > 0.99


def test_mistakes_are_named(lite: Classifier, cat: np.ndarray) -> None:
    x = lite.input_of(cat)
    label = torch.tensor([282])
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"how": "magic"}, "must be one of"),
        ({"how": "deepfool", "targets": label}, "takes no target"),
        ({"steps": 0}, "at least 1 step"),
        ({"epsilon": -0.1}, "epsilon must be"),
        ({"norm": "l7"}, "norm must be"),
    )
    for arguments, words in cases:
        with pytest.raises(InputError, match=words):
            attack(lite, x, label, **arguments)
    with pytest.raises(InputError, match="already"):
        fool(lite, cat, target="tiger cat")
