#!/usr/bin/env bash
# OpenVINO's Relu turns NaN into 0: a broken network gives clean numbers.
#
# The surprise: a NaN in a network, from weights of a training that diverged, from a division, from a picture of floats
# with a hole, should come out as NaN; that is how one sees it. torch, NumPy's maximum and ONNX Runtime keep it through
# Relu. OpenVINO on a CPU gives 0 for it. After the first layer with Relu every answer is finite.
#
# Who is hurt: checks such as "is every output finite?" pass with OpenVINO and fail with ONNX Runtime. A vector that was
# not a number is stored as an ordinary one, and found as a neighbor of other things that were broken in the same way.
#
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux, x86-64.
# Seen:     ONNX Runtime [nan 0. 1.]
#           OpenVINO     [0. 0. 1.]
#
# What it means: check inputs and weights for NaN before OpenVINO sees them; its outputs tell nothing.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
cat > hidden.py <<'P'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper

node = helper.make_node("Relu", ["x"], ["y"])
ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [3])] for name in "xy"]
graph = helper.make_graph([node], "graph", *ends)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
checker.check_model(model)
content = model.SerializeToString()
values = np.array([np.nan, -1, 1], np.float32)
session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
kept = np.asarray(session.run(None, {"x": values})[0])
core = openvino.Core()
lost = core.compile_model(core.read_model(content), "CPU")([values])[0]
print(f"ONNX Runtime {kept}\nOpenVINO     {lost}")
sys.exit(0 if np.isnan(kept[0]) and lost[0] == 0 else 1)
P
venv/bin/python hidden.py
