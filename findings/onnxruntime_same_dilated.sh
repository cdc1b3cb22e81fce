#!/usr/bin/env bash
# ONNX Runtime opens a graph with a dilated convolution padded "same", and refuses it with the first picture.
#
# The surprise: Conv has auto_pad=SAME_UPPER and dilations, and nothing in the standard keeps them apart. The checker
# passes such a graph, ONNX Runtime opens it, infers its shapes and plans it; the error comes with the first run, whatever
# the size of the picture. OpenVINO and the reference of ONNX answer, and alike. Without the dilation ONNX Runtime answers
# too.
#
# Who is hurt: whoever writes TensorFlow's padding by that word, as EfficientNets and MobileNets need it where the size of
# the picture is left open. A classifier goes through; the same backbone under DeepLab, whose last convolutions are
# dilated, is exported, checked, shipped, opened on the user's machine, and fails there.
#
# Versions: onnxruntime 1.32.0, openvino 2026.4.1, onnx 1.23.2, numpy 2.4.6, Python 3.11, Linux, x86-64.
# Seen:     dilation 1: reference 63102, OpenVINO 63102, ONNX Runtime 63102 (sum of what comes out)
#           dilation 2: reference 54932, OpenVINO 54932, ONNX Runtime opened, then InvalidArgument
#
# What it means: a graph is tested by running it, in every runtime that it is made for. At stride 1 the padding of an odd
# kernel is dilation * (length - 1) / 2 on each side whatever the size is: write these numbers.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet onnxruntime==1.32.0 openvino==2026.4.1 onnx==1.23.2 numpy==2.4.6
cd "$work"
cat > same.py <<'P'
import sys

import numpy as np
import onnxruntime
import openvino
from onnx import TensorProto, checker, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

kernel = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
picture = np.arange(63, dtype=np.float32).reshape(1, 1, 7, 9)
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
core, refused = openvino.Core(), []
for dilation in (1, 2):
    node = helper.make_node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", dilations=[dilation, dilation])
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, "h", "w"])] for name in "xy"]
    graph = helper.make_graph([node], "graph", *ends, [numpy_helper.from_array(kernel, "w")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    reference = float(ReferenceEvaluator(model).run(None, {"x": picture})[0].sum())
    vino = float(core.compile_model(core.read_model(content), "CPU")([picture])[0].sum())
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    try:
        ort = f"{float(session.run(None, {'x': picture})[0].sum()):.0f}"
    except Exception as error:
        ort = f"opened, then {type(error).__name__}"
        refused.append(dilation)
    print(f"dilation {dilation}: reference {reference:.0f}, OpenVINO {vino:.0f}, ONNX Runtime {ort}")
    if reference != vino:
        sys.exit(1)
sys.exit(0 if refused == [2] else 1)
P
venv/bin/python same.py
