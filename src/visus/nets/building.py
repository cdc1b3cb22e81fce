"""What the tables of segmentation and detection networks have in common: options, and how a network is built."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import nn

from visus._errors import InputError

Net = TypeVar("Net", bound=nn.Module)

_GIVEN = {"name", "classes", "weights"}


def options_in(table: Mapping[str, Callable[..., nn.Module]], kind: str, name: str) -> set[str]:
    """The options that a network takes beside classes and weights.

    Args:
        table: What builds each network.
        kind: What they are called in messages: ``"segmentation"`` or ``"detection"``.
        name: Of the network.

    Raises:
        InputError: There is no such network.

    >>> table = {"plain": lambda *, classes, width=8: nn.Linear(width, classes)}
    >>> options_in(table, "segmentation", "plain")
    {'width'}
    """
    if name not in table:
        raise InputError(f"There is no {kind} network {name!r}; there are {', '.join(sorted(table))}.")
    return set(inspect.signature(table[name]).parameters) - _GIVEN


def takes_weights(build: Callable[..., nn.Module]) -> bool:
    """Whether a network, or its backbone, can begin with weights that were trained on other pictures.

    Args:
        build: What builds the network; it takes ``weights`` if so.

    >>> takes_weights(lambda *, classes, weights=None: nn.Linear(8, classes))
    True
    """
    return "weights" in inspect.signature(build).parameters


def build_from(
    table: Mapping[str, Callable[..., Net]],
    kind: str,
    name: str,
    *,
    classes: int,
    imagenet: bool,
    options: dict[str, Any],
) -> Net:
    """Build a network of a table, in evaluation mode.

    Args:
        table: What builds each network.
        kind: See :func:`options_in`.
        name: Of the network.
        classes: Number of classes.
        imagenet: Whether it begins with weights that were trained on other pictures.
        options: What the network takes.

    Raises:
        InputError: There is no such network or no class, or the network does not take an option.
        WeightsError: The weights are not at hand.

    >>> table = {"plain": lambda *, classes, width=8: nn.Linear(width, classes)}
    >>> net = build_from(table, "segmentation", "plain", classes=2, imagenet=False, options={"width": 4})
    >>> net.in_features, net.out_features, net.training
    (4, 2, False)
    """
    if classes < 1:
        raise InputError(f"classes must be at least 1, not {classes}.")
    known = options_in(table, kind, name)
    strange = sorted(options.keys() - known)
    if strange:
        raise InputError(f"{name} takes no {strange[0]}; it takes {', '.join(sorted(known)) or 'no options'}.")
    given = {"weights": "imagenet"} if imagenet else {}
    return table[name](classes=classes, **given, **options).eval()
