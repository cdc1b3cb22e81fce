"""A network that OpenVINO has compiled for this CPU: it takes seconds to prepare, then runs several times faster.

benchmarks/classify.py measures it for the features of a probe, benchmarks/detect.py for those of R-CNN.
"""

import threading
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from visus._cores import cores
from visus._errors import InputError, RunError
from visus._openvino import core, hints


def compiled(net: nn.Module, example: Tensor) -> Callable[[Tensor], Tensor] | None:
    """A network that answers ``(N, ...)`` as it did, in float32, one picture after the other on all cores.

    Args:
        net: In evaluation mode, on the CPU.
        example: ``(1, ...)``: shape and type of what it is given.

    Returns:
        None where OpenVINO does not know an operation of the network.

    Raises:
        RunError: Its weights hold NaN. What is compiled has a ReLU that makes 0 of NaN, where torch's keeps it, so that
            nobody would see it in the answers.
        InputError: Of the function that is given, its input holds NaN.
    """
    if broken := [name for name, value in net.state_dict().items() if value.isnan().any()]:
        raise RunError(f"The network holds NaN in {broken[0]}; give other weights, or train anew with a lower --lr.")
    try:
        queue = _queue(net, example)
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
        with alone:
            answers.clear()
            for place, picture in enumerate(pictures.contiguous().numpy()):
                queue.start_async([picture[None]], place)
            queue.wait_all()
            return torch.cat([answers[place] for place in range(len(pictures))])

    return answer


def _queue(net: nn.Module, example: Tensor):  # noqa: ANN202 - OpenVINO's
    """As many requests at a time as keep all cores busy."""
    home = core()  # first: it keeps OpenVINO from reporting its use
    import openvino

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # it is traced by a part of torch that calls itself old
        model = openvino.convert_model(net, example_input=example, input=[tuple(example.shape)])
    network = home.compile_model(model, "CPU", hints(cores()))
    network.create_infer_request().infer([example.numpy()])
    return openvino.AsyncInferQueue(network, 2 * cores())
