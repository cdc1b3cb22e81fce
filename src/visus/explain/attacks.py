"""Changes of pictures, too small to see, that change the answer of a network.

================ ===========================================================================================
fgsm             one step along the sign of the gradient (Goodfellow, Shlens and Szegedy, ICLR 2015, section 4)
ifgsm            small steps of it, cut to the ball (Kurakin, Goodfellow and Bengio, ICLR 2017 workshop, section 2.2)
pgd              the same from a random start (Madry et al., ICLR 2018, section 2.1)
deepfool         the least change, boundary by boundary (Moosavi-Dezfooli, Fawzi and Frossard, CVPR 2016, algorithm 2)
================ ===========================================================================================

Each lowers the probability of a picture's class, or, with a target, raises that of another one; the loss is the
cross-entropy, in 64 bits, since in 32 it vanishes where the network is sure.

Captum's own FGSM and PGD step along the sign of the gradient for L2 too, and know no DeepFool, so that these are ours.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from visus._errors import InputError
from visus.explain.subject import Subject, asking
from visus.ops import perturb
from visus.ops.perturb import Norm

Attack = Literal["fgsm", "ifgsm", "pgd", "deepfool"]
ATTACKS: tuple[Attack, ...] = get_args(Attack)
STEPS = 20
_REACH = 2.5  # all steps together, in radii, so that a border can be reached from anywhere; others step epsilon / 4
_NEAREST = 10  # classes whose borders DeepFool looks at, as in its authors' code
_OVERSHOOT = 0.02  # of DeepFool, to cross the border
_ROUNDS = 50  # of DeepFool


@dataclass(frozen=True, slots=True)
class Fooled:
    """Pictures before and after an attack: adversarial examples (Szegedy et al. 2014).

    Attributes:
        before: ``(N, C, H, W)`` float in [0, 1].
        after: The same, changed.
        labels: ``(N,)`` int64: the classes that the attack leads away from.
        targets: ``(N,)`` int64: the classes that it leads to, or None.
        answers: ``(N, classes)`` float: probabilities of the changed pictures.
    """

    before: Tensor
    after: Tensor
    labels: Tensor
    targets: Tensor | None
    answers: Tensor

    @property
    def success(self) -> Tensor:
        """``(N,)`` bool: whether the answer is another one than ``labels``, or the target's."""
        found = self.answers.argmax(1)
        return found != self.labels if self.targets is None else found == self.targets


def attack(
    subject: Subject,
    x: Tensor,
    labels: Tensor,
    *,
    how: Attack = "pgd",
    epsilon: float = 2 / 255,
    norm: Norm = "linf",
    targets: Tensor | None = None,
    steps: int = STEPS,
    stop: bool = False,
    seed: int = 0,
) -> Fooled:
    """Change pictures within a ball so that a network answers wrongly.

    Args:
        subject: The network; it is left as it was.
        x: ``(N, C, H, W)`` float in [0, 1], on its device.
        labels: ``(N,)`` int64: the classes that the answers shall no longer be.
        how: ``"fgsm"`` (Goodfellow et al. 2015), ``"ifgsm"`` (Kurakin et al. 2017), ``"pgd"`` (Madry et al. 2018) or
            ``"deepfool"`` (Moosavi-Dezfooli et al. 2016).
        epsilon: Radius of the ball; of ``deepfool`` the change may not be larger either.
        norm: ``"linf"`` or ``"l2"``.
        targets: ``(N,)`` int64: the classes that the answers shall be; None for any other.
        steps: Of ``ifgsm`` and ``pgd``.
        stop: Whether a picture is left alone once it fools the network, which is faster.
        seed: Of the start of ``pgd``.

    Raises:
        InputError: There is no such attack or norm, it takes no target, or a number is out of range.

    >>> net = torch.nn.Flatten()  # its scores are the values of the picture
    >>> x, label = torch.tensor([[[[0.51, 0.49]]]]), torch.tensor([0])
    >>> [attack(net, x, label, how="fgsm", epsilon=epsilon).success.item() for epsilon in (0.005, 0.02)]
    [False, True]
    """
    if how not in ATTACKS:
        raise InputError(f"The attack must be one of {', '.join(ATTACKS)}, not {how!r}.")
    if how == "deepfool" and targets is not None:
        raise InputError("deepfool looks for the nearest class and takes no target; choose pgd.")
    if steps < 1:
        raise InputError(f"An attack takes at least 1 step, not {steps}.")
    perturb.check_norm(norm, epsilon)
    goal = Goal(subject, labels, targets)
    with asking(subject), torch.enable_grad():
        if how == "deepfool":
            after = _deepfool(subject, x, labels, epsilon, norm)
        elif how == "fgsm":
            after = _descend(goal, x, x, Way(epsilon, norm, 1, epsilon))
        else:
            generator = torch.Generator().manual_seed(seed)
            start = perturb.anywhere(x, epsilon, norm, generator=generator) if how == "pgd" else x
            after = _descend(goal, x, start, Way(epsilon, norm, steps, _REACH * epsilon / steps, stop))
        with torch.no_grad():
            answers = subject(after).softmax(1)
    return Fooled(x, after, labels, targets, answers)


@dataclass(frozen=True, slots=True)
class Goal:
    """What an attack wants: another answer than the label, or that of a target, as in Szegedy et al. 2014.

    Attributes:
        subject: The network.
        labels: ``(N,)`` int64: the classes that it leads away from.
        targets: ``(N,)`` int64: the classes that it leads to, or None.
    """

    subject: Subject
    labels: Tensor
    targets: Tensor | None = None

    def loss(self, logits: Tensor) -> Tensor:
        """What it lowers: the cross-entropy with the targets, or the negative one with the labels.

        Args:
            logits: ``(N, classes)`` float.

        Returns:
            ``(N,)`` float64.
        """
        if self.targets is None:
            return -F.cross_entropy(logits.double(), self.labels, reduction="none")
        return F.cross_entropy(logits.double(), self.targets, reduction="none")

    def reached(self, logits: Tensor) -> Tensor:
        """Which pictures fool the network.

        Args:
            logits: ``(N, classes)`` float.

        Returns:
            ``(N,)`` bool.
        """
        found = logits.argmax(1)
        return found != self.labels if self.targets is None else found == self.targets

    def of(self, which: Tensor) -> "Goal":
        """The goal for some of the pictures.

        Args:
            which: Their places, ``(n,)`` int64, or ``(N,)`` bool.
        """
        return Goal(self.subject, self.labels[which], None if self.targets is None else self.targets[which])


@dataclass(frozen=True, slots=True)
class Way:
    """How far and in which steps an attack goes (Kurakin et al. 2017; Madry et al. 2018).

    Attributes:
        epsilon: Radius of the ball.
        norm: Its norm.
        steps: How many.
        rate: Length of one.
        stop: Whether it ends where the goal is reached.
    """

    epsilon: float
    norm: Norm
    steps: int
    rate: float
    stop: bool = False


def _descend(goal: Goal, x: Tensor, start: Tensor, way: Way) -> Tensor:
    """Steps of one length against the gradient, each cut to the ball."""
    after = start.clone()
    going = torch.arange(len(x), device=x.device)
    for _ in range(way.steps):
        own = goal.of(going)
        point = after[going].requires_grad_()
        logits = own.subject(point)
        (gradient,) = torch.autograd.grad(own.loss(logits).sum(), point)
        still = ~own.reached(logits) if way.stop else torch.ones_like(going, dtype=torch.bool)
        going, moved = going[still], point.detach()[still]
        if not len(going):
            break
        moved = moved - way.rate * perturb.steepest(gradient[still], way.norm)
        after[going] = perturb.project(moved, x[going], way.epsilon, way.norm)
    return after


def _deepfool(subject: Subject, x: Tensor, labels: Tensor, epsilon: float, norm: Norm) -> Tensor:
    """Step to the nearest border between classes, as if the network were linear, until each picture has crossed one."""
    with torch.no_grad():
        logits = subject(x)
    others = logits.scatter(1, labels[:, None], -torch.inf).topk(min(_NEAREST, logits.shape[1] - 1)).indices
    change = torch.zeros_like(x)
    open_ = logits.argmax(1) == labels
    for _ in range(_ROUNDS):
        if not bool(open_.any()):
            break
        which = open_.nonzero()[:, 0]
        step = _to_border(subject, (x + change)[which], labels[which], others[which], norm)
        change[which] = change[which] + (1 + _OVERSHOOT) * step
        with torch.no_grad():
            open_[which] = subject((x + change)[which].clamp(0, 1)).argmax(1) == labels[which]
    return perturb.project(x + change, x, epsilon, norm).detach()


def _to_border(subject: Subject, x: Tensor, labels: Tensor, others: Tensor, norm: Norm) -> Tensor:
    """The least change that brings each picture to a border of its class, were the network linear."""
    point = x.detach().requires_grad_()
    logits = subject(point)
    own = logits.gather(1, labels[:, None])
    gaps = own - logits.gather(1, others)  # (N, others): 0 on the border
    best = torch.full((len(x),), torch.inf, device=x.device)
    step = torch.zeros_like(x)
    for k in range(others.shape[1]):
        (slope,) = torch.autograd.grad(gaps[:, k].sum(), point, retain_graph=True)
        # A linear gap closes after gap / |slope|, by the dual norm (section 3.2 of the paper, table 1).
        size = slope.flatten(1).abs().sum(1) if norm == "linf" else slope.flatten(1).norm(dim=1)
        way = gaps[:, k].detach().clamp(min=0) / size.clamp(min=1e-12)
        nearer = way < best
        best = torch.where(nearer, way, best)
        towards = -perturb.steepest(slope, norm) * (way + 1e-4).view(-1, 1, 1, 1)
        step = torch.where(nearer.view(-1, 1, 1, 1), towards, step)
    return step
