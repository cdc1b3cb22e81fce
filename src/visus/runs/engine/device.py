"""Which device a network is trained on, and in which precision."""

import dataclasses
import time
from typing import TypeVar, get_args

import torch

from visus._errors import InputError
from visus.images.check import one_of
from visus.runs.record.settings import Device, TrainSettings

AnySettings = TypeVar("AnySettings", bound=TrainSettings)


def chosen(device: str) -> str:
    """``"cuda"`` or ``"cpu"``, from ``"auto"`` or one of these.

    Raises:
        InputError: CUDA was asked for and is not there, or it is none of these.
    """
    one_of("device", device, get_args(Device))
    cuda = torch.cuda.is_available()
    if device == "cuda" and not cuda:
        raise InputError("There is no CUDA GPU that torch can use; say --device cpu.")
    return "cuda" if cuda and device != "cpu" else "cpu"


def resolve_device(settings: AnySettings, *, dense: bool) -> AnySettings:
    """Choose device and precision.

    Args:
        settings: Of a training.
        dense: Whether the network is made of dense convolutions.

    bfloat16 is chosen where the processor multiplies matrices in it and the network is made of dense convolutions
    (docs/training.md has the measurements): on GPUs that can, and on CPUs with AMX.

    Raises:
        InputError: CUDA was asked for and is not there.
    """
    device = chosen(settings.device)
    precision = settings.precision
    if precision == "auto":
        fast = torch.cuda.is_bf16_supported() if device == "cuda" else torch.cpu._is_amx_tile_supported()
        precision = "bf16" if fast and dense else "f32"
    return dataclasses.replace(settings, device=device, precision=precision)


_CHANNELS, _SIDE, _TRIES = 32, 128, 4


def multiply_adds_per_second(device: str) -> float:
    """How many multiply-adds of a convolution, forward and backward, a device does in a second, by trying."""
    layer = torch.nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1, device=device)
    x = torch.zeros(1, _CHANNELS, _SIDE, _SIDE, device=device, requires_grad=True)
    best = float("inf")
    for _ in range(_TRIES):
        started = time.perf_counter()
        layer(x).sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return 3 * 9 * (_CHANNELS * _SIDE) ** 2 / best
