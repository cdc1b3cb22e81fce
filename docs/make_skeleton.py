"""Make the skeleton of EfficientNet-Lite0's graph: all but the weights of its convolutions, with what fills them.

Run with ``python -m docs.make_skeleton`` after a change of what a graph takes or gives. :mod:`visus.graphs.lite` fills
the skeleton from the package of weights, without torch.
"""

import json

import onnx
import torch
from torch import Tensor, nn

from visus import nets
from visus.graphs import lite
from visus.graphs.weights import preprocessing
from visus.nets.embedding import PixelsToVector
from visus.nets.onnx import to_onnx
from visus.ops import Normalize

NET = "efficientnet_lite0"


class _Mean(nn.Module):
    """The mean over the positions, written so that it becomes one node."""

    def forward(self, last: Tensor) -> Tensor:
        return last.mean(dim=(2, 3))


def main() -> None:
    """Write ``efficientnet_lite0.onnx`` and ``efficientnet_lite0.json`` beside :mod:`visus.graphs.lite`."""
    backbone = nets.create(NET, weights="imagenet")
    backbone.pool = _Mean()  # pyright: ignore[reportAttributeAccessIssue]
    prepared = preprocessing(NET)
    module = PixelsToVector(backbone, Normalize.of_channels(prepared.mean, prepared.deviation), True)
    example = torch.zeros(2, prepared.size, prepared.size, 3, dtype=torch.uint8)
    model = onnx.load_from_string(to_onnx(module, example, ["vector", "map"]))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    slots = [[node.input[1], node.input[2]] for node in convolutions]
    kept = [own for own in model.graph.initializer if own.name not in {name for slot in slots for name in slot}]
    del model.graph.initializer[:], model.graph.value_info[:], model.metadata_props[:]
    model.graph.initializer.extend(kept)
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]
    norm = next(own for own in backbone.modules() if isinstance(own, nn.BatchNorm2d))
    lite.SKELETON.write_bytes(model.SerializeToString())
    about = {"names": list(backbone.state_dict()), "slots": slots, "epsilon": norm.eps, "dimension": backbone.dimension}
    lite.SLOTS.write_text(json.dumps(about, indent=0) + "\n", encoding="utf-8")
    print(f"{lite.SKELETON.name}: {lite.SKELETON.stat().st_size} bytes, {len(slots)} convolutions")


if __name__ == "__main__":
    main()
