"""Findings on what is drawn on pictures: masks that hold hardly anything, boxes that a network cannot see."""

import numpy as np

from visus.review.findings import Finding
from visus.review.looking import Looked
from visus.review.subject import Subject

_SMALL = 8  # pixels, the root of a box's area as the network sees it: half of the step between its places
_LARGEST = 600, 1000  # sides to which a detector brings a picture at most, the shorter and the longer one
_NEAR_EMPTY = 1e-3  # share of a mask beside its first class
_BESIDE_OTHERS = 0.1  # of the median share
_COMMON = 0.2  # share of masks from which on empty ones are meant so


def near_empty_masks(subject: Subject) -> list[Finding]:
    """Masks that hold hardly anything but their first class, where most hold more.

    Args:
        subject: A set with masks.
    """
    assert subject.masks is not None
    own = subject.masks
    pixels = np.concatenate([own.pixels[split] for split in own.splits])  # (N, classes)
    if pixels.shape[1] < 2:
        return []
    share = pixels[:, 1:].sum(1) / np.maximum(pixels.sum(1), 1)
    empty = share == 0
    usual = float(np.median(share[~empty])) if (~empty).any() else 0.0
    odd = ~empty & (share < min(_NEAR_EMPTY, _BESIDE_OTHERS * usual))
    if empty.mean() < _COMMON:
        odd |= empty
    findings = []
    for place in np.flatnonzero(odd).tolist():
        count = int(pixels[place, 1:].sum())
        why = f"{count:,} of its {int(pixels[place].sum()):,} pixels are not {own.classes[0]}; usual is {usual:.1%}"
        findings.append(
            Finding(subject.name(place), "near-empty-mask", 1 - float(share[place]), why, None, subject.splits[place])
        )
    return findings


def small_boxes(subject: Subject, looked: Looked, *, side: int | None = None) -> list[Finding]:
    """Pictures with boxes that are too small once a detector has brought the picture to its own size.

    Args:
        subject: A set with boxes.
        looked: Its pictures that can be read.
        side: Shorter side of the resized pictures, as ``visus train detect --size`` has it; None for what it takes.
    """
    assert subject.boxes is not None
    sizes = {int(place): (own.width, own.height) for place, own in zip(looked.places, looked.measures, strict=True)}
    if not sizes:
        return []
    usual = min(_LARGEST[0], int(np.median([min(size) for size in sizes.values()])))
    shorter = side or usual
    objects = [own for split in subject.boxes.splits.values() for own in split.objects]
    findings = []
    for place, size in sizes.items():
        own = objects[place]
        scale = min(shorter / min(size), shorter * _LARGEST[1] / _LARGEST[0] / max(size))
        sides = scale * np.sqrt((own.boxes[:, 2:] - own.boxes[:, :2]).prod(1))
        small = sides[(sides < _SMALL) & ~own.crowd]
        if len(small):
            has = "has" if len(small) == 1 else "have"
            why = (
                f"{len(small)} of its {len(own)} boxes {has} less area than {_SMALL} x {_SMALL} pixels where the "
                f"shorter side has {shorter}; the smallest {float(small.min()):.1f} squared"
            )
            findings.append(
                Finding(subject.name(place), "small-box", float(_SMALL / max(small.min(), 0.1)), why, None,
                        subject.splits[place])
            )  # fmt: skip
    return findings
