"""How badly two classes go together, learned from pictures with masks.

Kraehenbuehl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS 2011, section
4. The derivative of the log-likelihood of the truth T by the compatibility mu is

    sum over i, j of k(i, j) (Q_i(a) Q_j(b) - T_i(a) T_j(b))

whose expectations are taken from the mean field Q; k is the sum of both kernels. They climb by
L-BFGS; here Adam climbs, which needs no value of the likelihood.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus.ops import crf

_RATE = 0.05  # of Adam; the entries of Potts are 0 and 1


@dataclass(frozen=True, slots=True)
class Example:
    """A picture, what a network says of it, and the truth (Kraehenbuehl and Koltun 2011, section 4).

    Attributes:
        probabilities: ``(classes, *spatial)`` float, the softmax of the network.
        picture: ``(*spatial)`` or ``(*spatial, channels)``, values from 0 to 255.
        truth: ``(*spatial)`` integers; what is no class does not count.
    """

    probabilities: NDArray[np.floating]
    picture: NDArray[np.generic]
    truth: NDArray[np.integer]


def learn_compatibility(
    examples: Sequence[Example], settings: crf.Settings, *, rounds: int = 10
) -> Iterator[crf.Settings]:
    """The settings with a compatibility that makes the truth more likely, after each round.

    Kraehenbuehl and Koltun 2011, section 4, with Adam in place of L-BFGS.

    Args:
        examples: What is learned from.
        settings: Weights and widths of the kernels, which stay, and the compatibility to start from.
        rounds: Steps; each refines all examples once.

    Yields:
        The settings after each step; a symmetric compatibility stays symmetric.

    Raises:
        InputError: At the first step: there is no example, their numbers of classes differ, or shapes do not fit.

    >>> said, truth = np.array([[[0.9, 0.4]], [[0.1, 0.6]]]), np.array([[0, 1]])
    >>> steps = learn_compatibility([Example(said, np.zeros((1, 2)), truth)], crf.Settings(appearance=0), rounds=1)
    >>> next(steps).compatibility
    ((0.05, 0.95), (0.95, -0.05))
    """
    if not examples:
        raise InputError("A compatibility is learned from pictures with masks; give at least one.")
    if len({len(example.probabilities) for example in examples}) > 1:
        raise InputError("All examples must have the same number of classes.")
    mu = torch.from_numpy(crf.penalty(settings, len(examples[0].probabilities)).copy()).requires_grad_()
    climber = torch.optim.Adam([mu], lr=_RATE, maximize=True)
    for _ in range(rounds):
        found = mu.detach().numpy()
        total = sum(slope(example, settings, found) for example in examples)
        mu.grad = torch.as_tensor(total, dtype=torch.float32)
        climber.step()
        rows = tuple(tuple(round(value, 4) for value in row) for row in mu.detach().tolist())
        yield replace(settings, compatibility=rows)


def slope(example: Example, settings: crf.Settings, mu: NDArray[np.float32]) -> NDArray[np.float64]:
    """The derivative of the truth's log-likelihood by the compatibility, for one example.

    Kraehenbuehl and Koltun 2011, section 4.

    Args:
        example: What is learned from.
        settings: Weights and widths of the kernels, and rounds of messages; their compatibility is not used.
        mu: ``(classes, classes)`` float32, the compatibility.

    Returns:
        ``(classes, classes)`` float64, symmetric.

    Raises:
        InputError: The shapes of answers, picture and mask do not fit, or values are no probabilities.

    >>> said, truth = np.array([[[0.9, 0.4]], [[0.1, 0.6]]]), np.array([[0, 1]])
    >>> settings = crf.Settings(appearance=0)
    >>> found = slope(Example(said, np.zeros((1, 2)), truth), settings, crf.penalty(settings, 2))
    >>> np.sign(found).tolist()
    [[1.0, -1.0], [-1.0, -1.0]]
    """
    spatial = crf.check(example.probabilities, example.picture)
    if example.truth.shape != spatial:
        raise InputError(f"A mask {example.truth.shape} does not fit a picture {spatial}.")
    field = crf.Field(example.picture, spatial, settings)
    classes = len(example.probabilities)
    answers = crf.mean_field(example.probabilities, field, mu, settings.iterations)
    truth = example.truth.ravel()
    counts = (truth >= 0) & (truth < classes)
    q = np.where(counts[:, None], answers.reshape(classes, -1).T, 0).astype(np.float32)
    t = (truth[:, None] == np.arange(classes)).astype(np.float32)
    pairs: NDArray[np.float64] = q.T.astype(np.float64) @ field.message(q) - t.T.astype(np.float64) @ field.message(t)
    return (pairs + pairs.T) / 2
