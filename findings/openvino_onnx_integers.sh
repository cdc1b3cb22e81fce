#!/usr/bin/env bash
# OpenVINO computes int64 of an ONNX graph with 32 bits, and uint8 with saturation in place of wrapping around.
#
# The surprise: ONNX says that Mul and Add of integers wrap around in the type of their operands, and ONNX Runtime does so.
# On a CPU, OpenVINO turns int64 into int32 inside, so that 100000 * 100000 comes out as 1410065408; and it adds uint8
# without wrapping: 200 + 200 is 255. The model compiles without a word, and the outputs say int64 and uint8.
#
# Who is hurt: graphs that count or hash inside (pixel positions of large pictures, offsets of anchors in a batch, a sum of
# squares of bytes, preprocessing that was exported with the network). Small inputs, as in a test, come out right.
#
# Versions: openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux, x86-64.
# Seen:     int64 100000 * 100000: ONNX Runtime 10000000000, OpenVINO 1410065408
#           uint8 200 + 200: ONNX Runtime 144, OpenVINO 255
#
# What it means: cast to float before arithmetic in a graph that OpenVINO may run, and compare its answers with another
# runtime's on inputs as large as the real ones.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openvino==2026.4.1 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
cat > integers.py <<'P'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper


def both(operator: str, kind: int, value: np.ndarray) -> tuple[int, int]:
    """What ONNX Runtime and OpenVINO say of an operator on twice the same number."""
    node = helper.make_node(operator, ["x", "x"], ["y"])
    ends = [[helper.make_tensor_value_info(name, kind, [1])] for name in "xy"]
    graph = helper.make_graph([node], "graph", *ends)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    checker.check_model(model)
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(content), "CPU")
    return int(session.run(None, {"x": value})[0][0]), int(compiled([value])[0][0])


products = both("Mul", TensorProto.INT64, np.array([100_000], np.int64))
sums = both("Add", TensorProto.UINT8, np.array([200], np.uint8))
print("int64 100000 * 100000: ONNX Runtime {}, OpenVINO {}".format(*products))
print("uint8 200 + 200: ONNX Runtime {}, OpenVINO {}".format(*sums))
sys.exit(0 if products == (10_000_000_000, 1_410_065_408) and sums == (144, 255) else 1)
P
venv/bin/python integers.py
