"""A network as an ONNX graph that takes pixels."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn


def to_onnx(
    module: nn.Module, example: Tensor, outputs: Sequence[str], *, metadata: Mapping[str, str] | None = None
) -> bytes:
    """The content of an ONNX file (Bai et al. 2019), for any number of pictures.

    Args:
        module: Takes the pixels of N pictures; it is left in evaluation mode.
        example: Pixels of two pictures, for example ``(2, size, size, 3)`` uint8.
        outputs: Names of what it gives.
        metadata: What the file says of itself.

    Returns:
        The graph with its weights, whose input ``"pixels"`` has the shape and the dtype of the example, but for N.
    """
    buffer = io.BytesIO()
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            (example,),
            input_names=["pixels"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    program.model.metadata_props.update(metadata or {})
    program.save(buffer)  # pyright: ignore[reportArgumentType]
    return buffer.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter prints, logs and warns of: its steps, and its own dependencies."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
