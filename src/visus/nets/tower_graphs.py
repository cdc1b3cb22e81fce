"""The two towers of a network as ONNX graphs: pixels to vectors, and tokens to vectors."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visus.graphs import towers
from visus.graphs.sentences import Sentences
from visus.graphs.towers import Towers
from visus.nets.embedding import digest
from visus.nets.onnx import to_onnx_traced
from visus.nets.towers import built, files_of, names_of_things
from visus.ops import Normalize

_NAMES = 250  # of things, whose vectors are kept
_APART = 1 << 12  # bytes from which on a tensor lies beside the graph


class PictureTower(nn.Module):
    """Takes ``(N, H, W, 3)`` uint8 and does the normalization itself.

    Args:
        net: Of open_clip.
        known: What there is to know of it.
    """

    def __init__(self, net: Any, known: Towers) -> None:  # noqa: ANN401 - a network of open_clip, an extra
        super().__init__()
        self.net = net
        self.normalize = Normalize.of_channels(known.preprocessing.mean, known.preprocessing.deviation)

    def forward(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """The vectors ``(N, D)`` float32."""
        return (self.net.encode_image(self.normalize(pixels.permute(0, 3, 1, 2))),)


class SentenceTower(nn.Module):
    """Takes tokens ``(N, tokens)`` int64.

    Args:
        net: Of open_clip.
    """

    def __init__(self, net: Any) -> None:  # noqa: ANN401 - a network of open_clip, an extra
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        """The vectors ``(N, D)`` float32."""
        return (self.net.encode_text(ids),)


def of_pictures(net: nn.Module, known: Towers) -> tuple[bytes, dict[str, Any]]:
    """The tower of pictures as ONNX, and its description.

    Args:
        net: Of open_clip (Ilharco et al. 2021).
        known: What there is to know of it.

    Returns:
        The graph, from ``(N, size, size, 3)`` uint8 to ``(N, D)`` float32; and how a picture is brought to it.
    """
    size = known.preprocessing.size
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with _without_fast_paths():
        content = to_onnx_traced(PictureTower(net, known), example, ["vector"], metadata={"license": known.license})
        with torch.inference_mode():
            dimension = PictureTower(net, known).eval()(example)[0].shape[1]
    return content, {
        "digest": digest(net),
        "dimension": dimension,
        "preprocessing": known.preprocessing.to_dict(),
        "has_map": False,
        "bytes": len(content),
    }


def write_of_sentences(net: nn.Module, known: Towers, folder: Path) -> None:
    """Write the tower of sentences, with its weights in a file beside it, and the vectors of many names.

    Args:
        net: Of open_clip.
        known: What there is to know of it.
        folder: Holds the tokenizer already.

    Raises:
        OSError: There is no room.
    """
    import onnx

    example = torch.zeros(2, known.tokens, dtype=torch.int64)
    example[:, 0] = 1
    with _without_fast_paths():
        content = to_onnx_traced(
            SentenceTower(net), example, ["vector"], metadata={"license": known.license}, taken="ids"
        )
    onnx.save_model(
        onnx.load_model_from_string(content),
        str(folder / towers.GRAPH),
        save_as_external_data=True,
        location=towers.WEIGHTS_OF_GRAPH,
        size_threshold=_APART,
    )
    np.save(folder / towers.NAMES, np.zeros((0, 1), np.float16))
    (folder / towers.DESCRIPTION).write_bytes(towers.describe(folder, known))
    names = Sentences(folder)(names_of_things(_NAMES))
    np.save(folder / towers.NAMES, names.astype(np.float16))


def picture_tower(name: str) -> nn.Module:
    """The tower of pictures itself, for GPUs.

    Raises:
        WeightsError: The weights are not at hand.
        DependencyError: A package is missing.
    """
    from visus.graphs.graph import cache_folder

    known = towers.TABLE[name]
    return PictureTower(built(known, files_of(name, cache_folder())[0]), known)


@contextmanager
def _without_fast_paths() -> Iterator[None]:
    """Let attention be computed by parts that ONNX knows."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
