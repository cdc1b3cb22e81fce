"""A network that OpenVINO has compiled for this CPU: it takes seconds to prepare, then runs several times faster.

benchmarks/classify.py measures it for the features of a probe, benchmarks/detect.py for those of R-CNN and for the
answers of Faster R-CNN.
"""

import copy
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visus._cores import cores
from visus._errors import InputError, RunError
from visus._openvino import core, hints


def compiled(
    net: nn.Module, example: Tensor, *, group: int = 1, free: Sequence[int] = ()
) -> Callable[[Tensor], Tensor] | None:
    """A network that answers ``(N, ...)`` as it did, in float32, on all cores.

    Args:
        net: In evaluation mode, on the CPU.
        example: ``(1, ...)``: shape and type of what it is given.
        group: How many inputs go through one core at once: several small ones, so that the weights are not read anew
            for each.
        free: Axes of the input that may be of any length; all cores then work on one input after the other.

    Returns:
        None where OpenVINO does not know an operation of the network, or is not installed.

    Raises:
        RunError: Its weights hold NaN. What is compiled has a ReLU that makes 0 of NaN, where torch's keeps it, so that
            nobody would see it in the answers.
        InputError: Of the function that is given, its input holds NaN.
    """
    if broken := [name for name, value in net.state_dict().items() if value.isnan().any()]:
        raise RunError(f"The network holds NaN in {broken[0]}; give other weights, or train anew with a lower --lr.")
    try:
        queue, shape = _queue(net, example.expand(group, *example.shape[1:]).contiguous(), free)
    except Exception:
        return None
    answers: dict[int, Tensor] = {}
    alone = threading.Lock()
    queue.set_callback(
        lambda request, place: answers.__setitem__(place, torch.from_numpy(request.get_output_tensor(0).data.copy()))
    )

    def answer(pictures: Tensor) -> Tensor:
        if pictures.isnan().any():
            raise InputError("A picture holds NaN; look at its file and at the preprocessing.")
        if not len(pictures):
            return torch.empty(0, *shape)
        with alone:
            answers.clear()
            parts = _parts(pictures.contiguous().numpy(), group)
            for place, part in enumerate(parts):
                queue.start_async([part], place)
            queue.wait_all()
            return torch.cat([answers[place] for place in range(len(parts))])[: len(pictures)]

    return answer


def compiled_layers(layers: Sequence[nn.Module], side: int) -> Callable[[Tensor], Tensor] | None:
    """The layers of a network as they are now, one after the other, compiled for colored pictures of any size.

    Args:
        layers: On the CPU; they may learn on, since a copy is compiled.
        side: Of a picture that they are traced with, in pixels.
    """
    net = copy.deepcopy(nn.Sequential(*layers)).eval()
    return compiled(net, torch.zeros(1, 3, side, side), free=(2, 3))


def _parts(inputs: NDArray[Any], group: int) -> list[NDArray[Any]]:
    """Inputs in groups, the last one filled up with zeros.

    >>> [part.tolist() for part in _parts(np.array([1, 2, 3]), 2)]
    [[1, 2], [3, 0]]
    """
    missing = -len(inputs) % group
    filled = np.concatenate([inputs, np.zeros((missing, *inputs.shape[1:]), inputs.dtype)]) if missing else inputs
    return [filled[start : start + group] for start in range(0, len(filled), group)]


def _queue(net: nn.Module, example: Tensor, free: Sequence[int]) -> tuple[Any, tuple[int, ...]]:
    """Requests that keep all cores busy, and the shape of the answer to one example."""
    home = core()  # first: it keeps OpenVINO from reporting its use
    import openvino

    shape = openvino.PartialShape([-1 if axis in free else side for axis, side in enumerate(example.shape)])
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # it is traced by a part of torch that calls itself old
        model = openvino.convert_model(net, example_input=example, input=[shape])
    streams = 1 if free else cores()
    network = home.compile_model(model, "CPU", hints(streams, threads=cores()))
    request = network.create_infer_request()
    request.infer([example.numpy()])
    answered = tuple(int(side) for side in request.get_output_tensor(0).shape[1:])
    return openvino.AsyncInferQueue(network, 2 * streams), answered
