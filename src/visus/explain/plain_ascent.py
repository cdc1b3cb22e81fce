"""Plain gradient ascent: from a black picture, add the gradient of one class, again and again.

Erhan, Bengio, Courville and Vincent 2009; Simonyan, Vedaldi and Zisserman, ICLR 2014 workshop, section 2, without its
penalty. What it finds is sure to the network and noise to people; :mod:`visus.explain.ascent` holds the means against
that.
"""

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from visus._errors import InputError
from visus.explain.ascent import STEPS, Ascent, Progress, check_side
from visus.explain.subject import Subject, asking
from visus.explain.subjects import open_classifier

RATE = 0.02
"""By how much the pixel changes at a step that changes most, as a share of white."""


def ascend_plainly(
    source: str | os.PathLike[str] | Subject,
    targets: Sequence[str | int],
    *,
    size: int | None = None,
    steps: int = STEPS,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Ascent:
    """Add the gradient of a class to a black picture, again and again (Erhan et al. 2009).

    Pixels stay from black to white; there is neither a penalty nor a random change.

    Args:
        source: A run, a file of a trained classifier, a name of a network with ImageNet weights, or an open subject.
        targets: Names or numbers of classes, a picture for each.
        size: Side of the pictures in pixels; None for the network's.
        steps: Of the ascent.
        device: Where it works.
        progress: Told how many steps are done, of how many.

    Raises:
        InputError: There is no such class, none is named, ``steps`` is below 1, the network takes no pictures of that
            size, or gives no gradient in a black picture.
    """
    subject = open_classifier(source, device=device)
    if not targets or steps < 1:
        raise InputError(f"Plain ascent takes at least one class and one step, not {len(targets)} and {steps}.")
    none = torch.zeros(1, len(subject.classes))
    places = [subject.target_of(target, none) for target in targets]
    side = size or subject.size
    check_side(subject, side)
    x = torch.zeros(len(places), subject.channels, side, side, device=subject.device)
    index = torch.tensor(places, device=subject.device)[:, None]
    rise = np.zeros((steps, len(places)), np.float32)
    with asking(subject), torch.enable_grad():
        for step in range(steps):
            x.requires_grad_()
            scores = subject(x).gather(1, index)[:, 0]
            (slope,) = torch.autograd.grad(scores.sum(), x)
            most = slope.abs().amax((1, 2, 3), keepdim=True)
            if not step and not bool((most > 0).all()):
                raise InputError(f"{subject.name} gives no gradient in a black picture; leave --plain away.")
            rise[step] = scores.detach().cpu().numpy()
            x = (x.detach() + RATE * slope / most.clamp_min(1e-30)).clamp(0, 1)
            if progress:
                progress(step + 1, steps)
        with torch.no_grad():
            final = (255 * x).round() / 255
            found = subject(final).softmax(1)
    names = tuple(subject.classes[place] for place in places)
    shares = tuple(float(found[k, place]) for k, place in enumerate(places))
    pixels = (255 * final).round().byte().expand(-1, 3, -1, -1).permute(0, 2, 3, 1).cpu().numpy()
    return Ascent(pixels, names, shares, rise)


def brightened(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture so bright that one value in a hundred is white.

    Args:
        picture: ``(H, W, 3)`` uint8.

    Returns:
        The same shape and dtype.

    >>> brightened(np.array([[[0, 2, 4]]], np.uint8)).tolist()
    [[[0, 129, 255]]]
    """
    white = max(1.0, float(np.percentile(picture, 99)))
    return np.minimum(np.rint(picture * (255 / white)), 255).astype(np.uint8)
