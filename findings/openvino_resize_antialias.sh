#!/usr/bin/env bash
# OpenVINO drops `antialias` of an ONNX Resize: a graph that carries its own preprocessing sees another picture.
#
# The surprise: since opset 18, Resize has antialias=1, with which shrinking averages over all pixels, as Pillow does. The
# usual way to ship a network "with preprocessing inside" is such a Resize. ONNX Runtime heeds it. OpenVINO reads the
# model, compiles it and runs it without antialiasing: it picks single pixels. No warning.
#
# Who is hurt: whoever exports preprocessing with the network and switches the runtime for speed. On smooth pictures the
# answers drift by a little; on texture they are others: shrunk by four, noise keeps nearly three times the spread that
# it should have.
#
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, pillow 12.0.0, numpy 2.4.6, Python 3.11, Linux, x86-64.
# Seen:     largest difference to Pillow: ONNX Runtime 11, OpenVINO 91 (of 255)
#           standard deviation: Pillow 12, ONNX Runtime 13, OpenVINO 36
#           (the difference of ONNX Runtime lies at the borders)
#
# What it means: resize before the graph, or shrink by averaging (AveragePool) inside it, and test what a graph answers,
# not that it compiles.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 pillow==12.0.0 numpy==2.4.6
cd "$work"
cat > shrunk.py <<'P'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper
from PIL import Image

options = {"mode": "linear", "antialias": 1, "coordinate_transformation_mode": "half_pixel"}
node = helper.make_node("Resize", ["x", "", "", "size"], ["y"], **options)
ends = [
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, side, side])] for name, side in (("x", 64), ("y", 16))
]
size = helper.make_tensor("size", TensorProto.INT64, [4], [1, 1, 16, 16])
graph = helper.make_graph([node], "graph", *ends, [size])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
checker.check_model(model)
content = model.SerializeToString()

picture = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.float32)
pillow = np.asarray(Image.fromarray(picture).resize((16, 16), Image.Resampling.BILINEAR))
session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
ort = np.asarray(session.run(None, {"x": picture[None, None]})[0])[0, 0]
core = openvino.Core()
vino = core.compile_model(core.read_model(content), "CPU")([picture[None, None]])[0][0, 0]
far = [float(np.abs(own - pillow).max()) for own in (ort, vino)]
print("largest difference to Pillow: ONNX Runtime {:.0f}, OpenVINO {:.0f} (of 255)".format(*far))
spread = [float(own.std()) for own in (pillow, ort, vino)]
print("standard deviation: Pillow {:.0f}, ONNX Runtime {:.0f}, OpenVINO {:.0f}".format(*spread))
sys.exit(0 if far[0] < 20 and far[1] > 60 and spread[2] > 2 * spread[0] else 1)
P
venv/bin/python shrunk.py
