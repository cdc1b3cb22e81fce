"""The health of a training: gradients, updates, dead and saturated units of each layer, and what they mean.

Measured at a few steps of each epoch, so that it costs little:

* the norm of the gradient of each layer's weights. In a deep sigmoid network it shrinks by 4 or more at each layer
  (Hochreiter 1991; Glorot and Bengio 2010, section 3.2); with weights that are too large it grows instead
  (Pascanu, Mikolov and Bengio 2013, section 2).
* the norm of a step beside the norm of the weights: about 1e-3 is healthy. Weights that begin at zero, as those of a
  probe do, count as large as random ones would be.
* the share of ReLU units that were 0 for every picture that was looked at: these get no gradient any more
  (Maas, Hannun and Ng 2013, section 1).
* the share of sigmoid and tanh outputs close to their limits, where the slope is almost 0.

A measure alone is no illness: many networks learn well with dead units, or with gradients that are large beside the
weights. Apart from reckless steps, something is wrong only where the loss does not fall.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

VANISHING = 1e-4
"""Gradient of the weakest lower layer, as a share of the strongest layer's."""
EXPLODING = 1e2
"""Norm of a layer's gradient beside the norm of its weights."""
RECKLESS = 0.5
"""Norm of a step beside the norm of the weights, step after step."""
LEAP = 10.0
"""The same, in a single step."""
TIMID = 1e-4
"""Norm of the largest step beside the norm of the weights."""
FAINT = 1e-6
"""Norm of the largest gradient beside the norm of the weights."""
FALLING = 0.8
"""Loss beside the loss at the beginning, in a training that learns."""
WHOLE = 0.95
"""Share of dead units of a layer behind which nothing can vanish any more."""
GROWN = 0.3
"""By how much the share of dead units grows where they die in the training."""
DEAD = 0.5
"""Share of the units of a layer."""
SPENT = 0.9
"""The same in a training that learns, or from its start on: what is left may be all that few classes need."""
SATURATED = 0.7
"""Share of the outputs of a layer."""
DIVERGING = 2.0
"""Loss beside the loss at the beginning."""
HEALTHY = 1e-3
"""Norm of a step beside the norm of the weights."""
SCALE_FREE = ("adagrad", "rmsprop", "adam", "adamw")
"""Optimizers that divide by the size of the gradient, so that clipping it changes nothing."""
GUESSING = math.log(2)
"""Loss of one who guesses between two: a training that begins with a probe may come to less than that from less."""
_LIMIT = 0.02  # how near to a limit an output counts as saturated, as a share of the range
_FIRST = (0, 1, 2, 4, 8, 16, 32)  # steps that are measured whatever the length of an epoch


@dataclass(slots=True)
class Measure:
    """One layer at one step; None where it has no such thing.

    Attributes:
        gradient: Norm of the gradient of its weights.
        weight: Norm of its weights, or half that of usual random ones if it is larger.
        update: Norm of the step beside the norm of the weights.
        dead: Share of units that were 0 in all measured steps of the epoch so far.
        saturated: Share of outputs close to a limit.
    """

    gradient: float | None = None
    weight: float | None = None
    update: float | None = None
    dead: float | None = None
    saturated: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a training.

    Attributes:
        kind: ``"vanishing"``, ``"exploding"``, ``"dead"``, ``"saturated"``, ``"diverging"``, ``"timid"``, ``"frozen"``
            or ``"chance"``.
        message: One sentence with the mend.
    """

    kind: str
    message: str


@dataclass
class History:
    """All measures of a training, from its first step on.

    Attributes:
        layers: Names in the order of the network.
        steps: Number of each measured step.
        losses: The loss at each.
        measures: One list for each step, in the order of the layers.
        weighted: Names of the layers that have weights to learn.
    """

    layers: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    measures: list[list[Measure]] = field(default_factory=list)
    weighted: list[str] = field(default_factory=list)

    def table(self, what: str) -> np.ndarray:
        """One quantity as ``(layers, steps)`` float, NaN where there is none."""
        values = [[getattr(measure, what) for measure in row] for row in self.measures]
        return np.array(values, dtype=np.float64).T.reshape(len(self.layers), len(self.steps))

    def to_dict(self) -> dict[str, Any]:
        """All measures as plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "History":
        """From the plain values of :meth:`to_dict`."""
        measures = [[Measure(**measure) for measure in row] for row in values["measures"]]
        weighted = list(values.get("weighted", ()))
        return cls(list(values["layers"]), list(values["steps"]), list(values["losses"]), measures, weighted)


class Monitor:
    """Measures a network while it is trained.

    Call :meth:`watch` before the forward pass, :meth:`gradients` after the backward pass, and :meth:`updates` after the
    step of the optimizer.

    Args:
        net: The network.
        every: Steps between measures.
        learning: Parameters that are to learn; None for all.
    """

    def __init__(self, net: nn.Module, *, every: int = 50, learning: Sequence[nn.Parameter] | None = None) -> None:
        self.every = max(1, every)
        self.history = History()
        layers = [(name, m) for name, m in net.named_modules() if next(m.children(), None) is None]
        kinds = (nn.Linear, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
        wanted = None if learning is None else {id(parameter) for parameter in learning}
        self._weighted = {
            name: m for name, m in layers if isinstance(m, kinds) and (wanted is None or id(m.weight) in wanted)
        }
        self._active = {name: m for name, m in layers if isinstance(m, nn.ReLU | nn.ReLU6 | nn.Sigmoid | nn.Tanh)}
        self.history.weighted = list(self._weighted)
        self.history.layers = [name for name, _ in layers if name in self._weighted or name in self._active]
        self._alive: dict[str, Tensor] = {}
        self._now: dict[str, Measure] = {}
        self._before: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def due(self, step: int) -> bool:
        """Whether a step is measured."""
        return step in _FIRST or step % self.every == 0

    def new_epoch(self) -> None:
        """Forget which units were alive."""
        self._alive = {}

    def watch(self) -> None:
        """Look at the outputs of the next forward pass."""
        self._now = {name: Measure() for name in self.history.layers}
        for name, module in self._active.items():

            def look(module: nn.Module, _: object, output: Tensor, name: str = name) -> None:
                with torch.no_grad():
                    self._output(name, module, output.detach())

            self._hooks.append(module.register_forward_hook(look))

    def _output(self, name: str, module: nn.Module, output: Tensor) -> None:
        measure = self._now[name]
        if isinstance(module, nn.ReLU | nn.ReLU6):
            alive = (output > 0).transpose(0, 1).flatten(1).any(1)  # (units,): somewhere, for some picture
            known = self._alive.get(name)
            alive = alive if known is None or known.shape != alive.shape else alive | known
            self._alive[name] = alive
            measure.dead = 1 - float(alive.float().mean())
        else:
            low = -1.0 if isinstance(module, nn.Tanh) else 0.0
            margin = _LIMIT * (1 - low)
            measure.saturated = float(((output < low + margin) | (output > 1 - margin)).float().mean())

    def gradients(self) -> None:
        """Measure the gradients, and note the weights before the step."""
        self.close()
        for name, module in self._weighted.items():
            weight: Any = module.weight
            if weight.grad is None:
                continue
            self._now[name].gradient = float(weight.grad.detach().norm())
            self._now[name].weight = _size(weight)
            self._before[name] = weight.detach().clone()

    def close(self) -> None:
        """Look at outputs no longer."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def updates(self, step: int, loss: float) -> None:
        """Measure the step, and add a row to the history."""
        for name, before in self._before.items():
            weight: Any = self._weighted[name].weight
            self._now[name].update = float((weight.detach() - before).norm()) / _size(before)
        self._before = {}
        self.history.steps.append(step)
        self.history.losses.append(loss)
        self.history.measures.append([self._now[name] for name in self.history.layers])


def _size(weight: Tensor) -> float:
    """The norm of some weights, or half that of usual random ones (uniform within 1 / sqrt(inputs)), if it is larger.

    >>> round(_size(torch.zeros(12, 5)), 3)  # twelve units, whose length would be 1 / sqrt(3)
    1.0
    """
    usual = math.sqrt(weight.shape[0] / 3)
    return max(float(weight.detach().norm()), usual / 2)


def lower(history: History | None, lr: float, *, usual: float = 0.0, clips: bool = False) -> str:
    """The mend of a rate that is too high: one whose steps would be healthy, but none below the usual one.

    Args:
        history: The measures so far, if there are any.
        lr: The learning rate.
        usual: That of the default.
        clips: Whether clipping the gradient would help, too.

    >>> lower(None, 10.0, usual=0.001)
    'lower --lr (now 10), for example to 1'
    """
    updates = history.table("update") if history else np.empty(0)
    largest = float(np.nanmax(updates)) if np.isfinite(updates).any() else 0.0
    better = max(lr * HEALTHY / largest, usual) if largest > HEALTHY else lr / 10
    better = better if better < lr else lr / 10
    mend = f"lower --lr (now {lr:g}), for example to {float(f'{better:.0e}'):g}"
    return f"{mend}, or clip the gradient with --clip-norm 1" if clips else mend


def diagnose(
    history: History,
    *,
    lr: float,
    last: int = 8,
    clipped: bool = False,
    young: bool = False,
    finished: bool = False,
    stopped: bool = False,
    usual: float = 0.0,
    optimizer: str = "sgd",
) -> list[Finding]:
    """What is wrong, judged by the latest measures.

    Args:
        history: The measures so far.
        lr: The learning rate, for the mend.
        last: How many measures count.
        clipped: Whether gradients are clipped, so that their size harms nothing.
        young: Whether the training has only begun, so that a loss that does not fall yet says nothing.
        finished: Whether the training is at its end, so that what has not learned will not.
        stopped: Whether it has ended before, so that steps which were too small will not get larger.
        usual: The learning rate of the default, below which none is proposed.
        optimizer: Its name.

    Returns:
        At most one finding of each kind, the cause first; none for a healthy training.
    """
    if len(history.steps) < 3:
        return []
    clips = optimizer not in SCALE_FREE
    mend = lower(history, lr, usual=usual, clips=clips and not clipped)
    diverging = _diverging(history.losses, mend)
    if reckless := _reckless(history, mend, last):  # all else follows from it
        return [reckless, *([diverging] if diverging else [])]
    frozen = _frozen(history) if finished else None
    learns = young or _learns(history.losses)
    if learns:
        found = (frozen, _dead(history, lr, learns=True))
    else:
        exploding = None if clipped else _exploding(history, lr, last, clips=clips)
        faint = _faint(history, last)
        vanishing, dead = _vanishing(history, last) or faint, _dead(history, lr, learns=False)
        whole = np.nanmax(history.table("dead")[:, -1], initial=0) > WHOLE  # nothing comes through that layer
        found = (
            exploding,
            _saturated(history, last),
            *((dead, vanishing) if whole else (vanishing, dead)),
            None if faint or not (finished or stopped) else _timid(history, lr),
            frozen,
            diverging,
        )
    return [finding for finding in found if finding]


def _learns(losses: Sequence[float]) -> bool:
    """Whether the loss falls."""
    start, now = float(np.median(losses[:3])), float(np.median(losses[-3:]))
    return now < FALLING * start


def _recent(table: np.ndarray, last: int) -> np.ndarray:
    """The median of each layer over the latest measures, NaN where there are none."""
    recent = table[:, -last:]
    medians = np.full(len(recent), np.nan)
    for k, row in enumerate(recent):
        known = row[np.isfinite(row)]
        if known.size:
            medians[k] = np.median(known)
    return medians


def _vanishing(history: History, last: int) -> Finding | None:
    gradients = _recent(history.table("gradient"), last)
    places = np.flatnonzero(np.isfinite(gradients))
    if len(places) < 3:
        return None
    lower, strongest = places[: max(1, len(places) // 3)], gradients[places].max()
    weakest = lower[gradients[lower].argmin()]
    if strongest == 0 or gradients[weakest] > VANISHING * strongest:
        return None
    return Finding(
        "vanishing",
        f"The gradient vanishes: it is {gradients[weakest]:.1e} in {history.layers[weakest]} and {strongest:.1e} in "
        "the strongest layer, so the lower layers hardly learn; use ReLU in place of sigmoid or tanh, batch "
        "normalization, or fewer layers.",
    )


def _faint(history: History, last: int) -> Finding | None:
    """Gradients that are small in all layers: the answer hardly depends on the input any more."""
    gradients, weights = history.table("gradient")[:, -last:], history.table("weight")[:, -last:]
    share = _recent(gradients / weights, last)
    if not np.isfinite(share).any() or np.nanmax(share) > FAINT:
        return None
    return Finding(
        "vanishing",
        f"The gradient vanishes: in all layers it is at most {np.nanmax(share):.1e} times as large as the weights, so "
        "nothing learns; use batch normalization, or fewer layers.",
    )


def _exploding(history: History, lr: float, last: int, *, clips: bool) -> Finding | None:
    gradients, weights = history.table("gradient")[:, -last:], history.table("weight")[:, -last:]
    share = _recent(gradients / weights, last)
    if not np.isfinite(share).any() or np.nanmax(share) <= EXPLODING:
        return None
    layer = history.layers[int(np.nanargmax(share))]
    clip = "clip it with --clip-norm 1, " if clips else ""
    return Finding(
        "exploding",
        f"The gradient explodes: in {layer} it is {np.nanmax(share):.0f} times as large as the weights; {clip}"
        f"use batch normalization, or lower --lr (now {lr:g}).",
    )


def _reckless(history: History, mend: str, last: int) -> Finding | None:
    """Steps that change the weights as a whole: again and again, or once so far that nothing is left of them."""
    updates = history.table("update")
    if not np.isfinite(updates).any():
        return None
    often, once = _recent(updates, last), np.nanmax(np.nan_to_num(updates), axis=1)
    steady = bool(np.isfinite(often).any()) and np.nanmax(often) > RECKLESS
    if not steady and once.max() <= LEAP:
        return None
    values = often if steady else once
    layer = history.layers[int(np.nanargmax(values))]
    how = "each changes" if steady else "one has changed"
    return Finding(
        "exploding", f"The steps are too large: {how} the weights of {layer} by {np.nanmax(values):.0%}; {mend}."
    )


def _timid(history: History, lr: float) -> Finding | None:
    updates = history.table("update")
    if not np.isfinite(updates).any() or np.nanmax(updates) > TIMID:
        return None
    return Finding(
        "timid",
        f"The steps are too small: none changes the weights of a layer by more than {np.nanmax(updates):.1e} of their "
        f"size, and the loss does not fall; raise --lr (now {lr:g}), or look for it with --find-lr.",
    )


def _frozen(history: History) -> Finding | None:
    """Layers that are to learn and have never had a gradient."""
    gradients = history.table("gradient")
    weighted = [k for k, name in enumerate(history.layers) if name in history.weighted]
    still = [history.layers[k] for k in weighted if not (np.nan_to_num(gradients[k]) > 0).any()]
    if 3 * len(still) < max(3, len(weighted)):
        return None
    return Finding(
        "frozen",
        f"Layers learn nothing: {len(still)} of {len(weighted)} never had a gradient, {still[0]} among them; look "
        "whether they are frozen (requires_grad) by mistake.",
    )


def _dead(history: History, lr: float, *, learns: bool) -> Finding | None:
    """Units that died since the training began; where it does not learn, also layers of which hardly any were alive.

    Of a layer that was trained before, half may be of no use for these pictures.
    """
    table = history.table("dead")
    dead = table[:, -1]
    ill = dead - table[:, 0] > GROWN
    ill = ill if learns else ill | (dead > SPENT)
    dead = np.where(ill, dead, np.nan)
    if not np.isfinite(dead).any() or np.nanmax(dead) <= (SPENT if learns else DEAD):
        return None
    layer = history.layers[int(np.nanargmax(dead))]
    return Finding(
        "dead",
        f"Units are dead: {np.nanmax(dead):.0%} of {layer} answer 0 to every picture and learn no more; lower --lr "
        f"(now {lr:g}), or use leaky ReLU or batch normalization.",
    )


def _saturated(history: History, last: int) -> Finding | None:
    saturated = _recent(history.table("saturated"), last)
    if not np.isfinite(saturated).any() or np.nanmax(saturated) <= SATURATED:
        return None
    layer = history.layers[int(np.nanargmax(saturated))]
    return Finding(
        "saturated",
        f"Units are saturated: {np.nanmax(saturated):.0%} of the outputs of {layer} are at their limits, where nothing "
        "is learned; normalize the input (--preprocess zscore), use batch normalization or ReLU, or lower --lr.",
    )


def _diverging(losses: Sequence[float], mend: str) -> Finding | None:
    start, now = float(np.median(losses[:3])), float(np.median(losses[-3:]))
    if len(losses) < 6 or not now > max(DIVERGING * start, GUESSING):
        return None
    return Finding(
        "diverging",
        f"The training diverges: the loss has grown from {start:.3g} to {now:.3g}; {mend}.",
    )
