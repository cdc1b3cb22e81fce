"""A network as an ONNX graph that takes pixels."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

PICTURES = {0: "n"}
"""The axes of the input that may be of any length, and what they are called: any number of pictures."""


def to_onnx(
    module: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    *,
    dynamic: Mapping[int, Any] = PICTURES,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """The content of an ONNX file (Bai et al. 2019), for any number of pictures.

    Args:
        module: Takes the pixels of N pictures; it is left in evaluation mode.
        example: Pixels of two pictures, for example ``(2, size, size, 3)`` uint8.
        outputs: Names of what it gives.
        dynamic: The axes of the input that may be of any length: their names, or a ``torch.export.Dim`` that says
            which lengths.
        metadata: What the file says of itself.

    Returns:
        The graph with its weights, whose input ``"pixels"`` has the shape and the dtype of the example, but for those
        axes.
    """
    buffer = io.BytesIO()
    dims = {axis: torch.export.Dim(own) if isinstance(own, str) else own for axis, own in dynamic.items()}
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            (example,),
            input_names=["pixels"],
            output_names=list(outputs),
            dynamic_shapes=(dims,),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(metadata or {})
    program.save(buffer)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


def to_onnx_traced(
    module: nn.Module,
    example: Tensor,
    outputs: Sequence[str],
    *,
    dynamic: Mapping[int, str] = PICTURES,
    metadata: Mapping[str, str],
    length: str = "n",
    taken: str = "pixels",
) -> bytes:
    """The same from a trace, which is sooner there, and follows what the example has met alone.

    That is the way that torchvision's detectors are written for, which give more or less by what they see. Of a network
    that takes several pictures, see that it answers another number of them.

    Args:
        module: See :func:`to_onnx`.
        example: Pixels ``(2, size, size, 3)`` uint8, or what else it takes, for which it gives something, since what is
            not met is not traced.
        outputs: See there.
        dynamic: See there.
        metadata: See there.
        length: What the first axis of the outputs is called, which may be of any length.
        taken: What the input is called.
    """
    import onnx

    buffer = io.BytesIO()
    axes = {taken: dict(dynamic), **{name: {0: length} for name in outputs}}
    with _quiet(), torch.no_grad():
        torch.onnx.export(
            module.eval(),
            (example,),
            buffer,  # pyright: ignore[reportArgumentType]
            input_names=[taken],
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=_OPSET,
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    onnx.helper.set_model_props(model, dict(metadata))
    return model.SerializeToString()


_OPSET = 17  # from 16 on RoIAlign knows where the middles of pixels lie


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter prints, logs and warns of: its steps, its own dependencies, and a whole graph.

    That graph it prints where a trace fails, from C++ and so past Python's stdout, whatever ``verbose`` says (it looks
    at the function that tells whether its log is on, not at what that answers).
    """
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch._guards", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with mock.patch.object(torch._C, "_jit_onnx_log", create=True):
                yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
