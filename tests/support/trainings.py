"""Small trainings that are well, and some that are ill on purpose: what is said of each is known."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import nn

from tests.support.boxed import coco_folder
from tests.support.labeled import splits
from tests.support.masked import folder_of_masks, folder_of_volumes
from visus import RunError, train
from visus.runs.classify import training
from visus.runs.classify.network import Parts

WELL = "well"
KINDS = (WELL, "exploding", "vanishing", "timid", "dead", "saturated", "diverging", "frozen", "chance", "broken")


@dataclass(frozen=True)
class Case:
    """A training.

    Attributes:
        name: What it shows.
        settings: Of the training.
        truth: The kind of finding that should come first.
        data: What it learns from: a name in :data:`DATA`.
        spoil: What is done to the network before it learns.
    """

    name: str
    settings: dict[str, Any]
    truth: str = WELL
    data: str = "textures"
    spoil: Callable[[Parts], None] = field(default=lambda _: None)

    @property
    def task(self) -> str:
        """Its task."""
        return str(self.settings.get("task", "detect" if self.data == "boxes" else "classify"))


def _mixed(root: Path) -> Path:
    """Pictures of classes that do not belong to them."""
    splits(root, 30, 10, 0, side=16)
    random = np.random.default_rng(0)
    for split in ("train", "val"):
        files = sorted((root / split).glob("*/*.png"))
        contents = [file.read_bytes() for file in files]
        for file, place in zip(files, random.permutation(len(files)), strict=True):
            file.write_bytes(contents[place])
    return root


DATA: dict[str, Callable[[Path], Path]] = {
    "textures": lambda root: splits(root, 30, 10, 0, side=16),
    "mixed": _mixed,
    "masks": lambda root: folder_of_masks(root, gray=True),
    "colored masks": folder_of_masks,
    "volumes": folder_of_volumes,
    "boxes": coco_folder,
}


def _linear(parts: Parts) -> list[nn.Linear]:
    return [layer for layer in parts.net.modules() if isinstance(layer, nn.Linear)]


@torch.no_grad()
def _larger(parts: Parts, factor: float) -> None:
    for layer in _linear(parts):
        layer.weight.mul_(factor)


@torch.no_grad()
def _below_zero(parts: Parts) -> None:
    for layer in _linear(parts)[:-1]:
        assert layer.bias is not None
        layer.bias.sub_(30)


def _closed(parts: Parts) -> None:
    parts.net.requires_grad_(False)
    parts.net.head.requires_grad_(True)


@torch.no_grad()
def _raw(parts: Parts) -> None:
    """The input is 0 to 255 as it lies in the file."""
    parts.normalize.mean.zero_()
    parts.normalize.scale.fill_(255.0)


@torch.no_grad()
def _not_a_number(parts: Parts) -> None:
    parts.normalize.mean.fill_(float("nan"))


MLP: dict[str, Any] = {"net": "mlp", "hidden": (24, 24), "size": 16, "augment": "none", "epochs": 12, "batch_size": 16}
SEGNET: dict[str, Any] = {"task": "segment", "net": "segnet", "weights": "none", "window": (32, 32), "windows": 1}
PLAIN: dict[str, Any] = {**MLP, "epochs": 6}
LITE: dict[str, Any] = {"size": 64, "epochs": 3, "batch_size": 16}
UNET: dict[str, Any] = {"task": "segment", "net": "unet", "padded": True, "width": 4, "window": (48, 48), "epochs": 3}

GOOD = [
    Case("mlp", MLP),
    Case("mlp, sigmoid", {**MLP, "activation": "sigmoid", "lr": 0.01}),
    Case("mlp, tanh", {**MLP, "activation": "tanh"}),
    Case("mlp, leaky relu", {**MLP, "activation": "leaky_relu"}),
    Case("mlp, elu", {**MLP, "activation": "elu"}),
    Case("mlp, batch norm", {**MLP, "batch_norm": True}),
    Case("mlp, dropout", {**MLP, "hidden": (64,), "dropout": 0.3}),
    Case("linear", {**MLP, "hidden": ()}),
    Case("mlp, hinge", {**MLP, "loss": "hinge"}),
    Case("mlp, sgd", {**MLP, "optimizer": "sgd"}),
    Case("mlp, momentum", {**MLP, "optimizer": "momentum"}),
    Case("mlp, adagrad", {**MLP, "optimizer": "adagrad"}),
    Case("mlp, rmsprop", {**MLP, "optimizer": "rmsprop"}),
    Case("mlp, one cycle", {**MLP, "schedule": "one_cycle", "lr": 0.005}),
    Case("mlp, clipped", {**MLP, "clip_norm": 1.0}),
    Case("cnn", {"net": "cnn", "size": 16, "epochs": 8, "batch_size": 16}),
    Case("cnn, strong augmentation", {"net": "cnn", "size": 16, "epochs": 8, "batch_size": 16, "augment": "strong"}),
    Case("resnet18 from scratch", {"net": "resnet18", "mode": "scratch", "size": 32, "epochs": 4, "batch_size": 16}),
    Case("googlenet from scratch", {"net": "googlenet_paper", "size": 32, "epochs": 8, "batch_size": 16}),
    Case("probe", {**LITE, "mode": "probe", "epochs": 30, "batch_size": 256}),
    Case("probe, sgd", {**LITE, "mode": "probe", "epochs": 30, "batch_size": 256, "optimizer": "sgd"}),
    Case("finetune", {**LITE, "patience": 0}),
    Case("finetune, momentum", {**LITE, "patience": 0, "optimizer": "momentum"}),
    Case("finetune, norms of each batch", {**LITE, "patience": 0, "norms": "batch"}),
    Case("unet", UNET, data="masks"),
    Case("unet, dice", {**UNET, "loss": "cross_entropy+dice"}, data="masks"),
    Case("fcn8s", {"task": "segment", "window": (64, 64), "epochs": 3}, data="colored masks"),
    Case("segnet", {**SEGNET, "epochs": 1}, data="colored masks"),
    Case("vnet", {"task": "segment", "net": "vnet", "width": 4, "window": (16, 16, 16), "epochs": 4}, data="volumes"),
    Case("faster r-cnn", {"side": 96, "epochs": 3}, data="boxes"),
]  # fmt: skip
"""Trainings of which nothing should be said."""

SICK = [
    Case("rate of 10", {**PLAIN, "lr": 10.0}, "exploding"),
    Case("rate of 1e9, sgd", {**PLAIN, "optimizer": "sgd", "lr": 1e9}, "diverging"),
    Case("probe, rate of 1e9", {**LITE, "mode": "probe", "epochs": 20, "lr": 1e9}, "diverging"),
    Case("rate of 1e-8", {**PLAIN, "lr": 1e-8}, "timid"),
    Case("biases of -30 before relu", PLAIN, "dead", spoil=_below_zero),
    Case("sigmoid on raw pixels", {**PLAIN, "activation": "sigmoid", "lr": 1e-4}, "saturated", spoil=_raw),
    Case("ten layers of sigmoid", {**PLAIN, "hidden": (12,) * 10, "activation": "sigmoid"}, "vanishing"),
    Case("thirty plain layers", {**PLAIN, "hidden": (12,) * 30}, "vanishing"),
    Case("weights eight times as large", {**PLAIN, "hidden": (24,) * 10, "optimizer": "sgd", "lr": 1e-9}, "exploding",
         spoil=lambda parts: _larger(parts, 8.0)),
    Case("labels of other pictures", {**PLAIN, "epochs": 10}, "chance", data="mixed"),
    Case("input that is no number", PLAIN, "broken", spoil=_not_a_number),
    Case("frozen by mistake", {**PLAIN, "hidden": (24, 24, 24), "epochs": 8}, "frozen", spoil=_closed),
]  # fmt: skip
"""Trainings of which the first sentence names the illness."""


@cache
def data_in(root: Path, name: str) -> Path:
    """The pictures of a case, made once."""
    return DATA[name](root / name.replace(" ", "-"))


def first_said(case: Case, root: Path) -> tuple[str, str]:
    """The kind of the first finding of a training, and its sentence."""
    settings = {name: value for name, value in case.settings.items() if name != "task"}
    usual = {"device": "cpu", "workers": 0}
    with spoiled(case.spoil):
        try:
            run = train(case.task, data_in(root, case.data), runs=root / "runs", **{**usual, **settings})
        except RunError as error:
            return _kind_of(str(error)), str(error)
    said = run.summary["health"]
    return (_kind_of(said[0]), said[0]) if said else (WELL, "")


@contextlib.contextmanager
def spoiled(spoil: Callable[[Parts], None]) -> Iterator[None]:
    """Classifiers are spoiled before they learn."""
    build = training.build

    def building(*arguments: Any) -> Parts:
        parts = build(*arguments)
        spoil(parts)
        return parts

    with mock.patch.object(training, "build", building):
        yield


_WORDS = {
    "explodes": "exploding", "steps are too large": "exploding", "vanishes": "vanishing", "too small": "timid",
    "are dead": "dead", "saturated": "saturated", "diverges": "diverging", "learn nothing": "frozen",
    "by chance": "chance", "before the first step": "broken", "diverged": "diverging",
}  # fmt: skip


def _kind_of(sentence: str) -> str:
    """The kind that comes first in a sentence."""
    places = {kind: sentence.find(words) for words, kind in _WORDS.items() if words in sentence}
    return min(places, key=lambda kind: places[kind])
