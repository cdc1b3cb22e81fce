#!/usr/bin/env bash
# torch.onnx.export prints a graph to stdout where a trace fails, although verbose is False and stdout is redirected.
#
# The surprise: verbose=False is the default and says that nothing is printed. Where the exporter by traces
# (dynamo=False) meets an operation that it cannot write, it raises, as it should, and before that prints the graph of the
# network so far, from C++: neither verbose nor contextlib.redirect_stdout keeps it back. The reason is one word: a helper
# looks at the function that tells whether the log is on, not at what it answers, and so turns the log on always.
#
# Who is hurt: whoever tries a trace and falls back on the other exporter, in a program whose stdout another program
# reads (JSON, a pipe, a protocol on stdio): between its lines stands a graph, of a real network some hundred lines. It
# happens with ordinary networks: AlexNet's and ZFNet's pooling to 6x6 cannot be written for small pictures.
#
# Versions: torch 2.14.1, onnx 1.23.2, Python 3.11, Linux, x86-64.
# Seen:     export failed: True
#           lines on stdout: 5
#           Torch IR graph at exception: graph(%input : Float(1, 3, 4, 4, strides=[48, 16, 4, 1], ...
#
# What it means: replace torch._C._jit_onnx_log while exporting, or export in a process of its own.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.14.1 onnx==1.23.2
cd "$work"
cat > export.py <<'P'
import contextlib
import io
import sys
import warnings

import torch

warnings.simplefilter("ignore")
failed = False
with contextlib.redirect_stdout(io.StringIO()):
    try:
        pooling = torch.nn.AdaptiveAvgPool2d(6)  # of 4x4 positions
        torch.onnx.export(pooling, (torch.zeros(1, 3, 4, 4),), io.BytesIO(), dynamo=False, verbose=False)
    except Exception:
        failed = True
print(f"export failed: {failed}", file=sys.stderr)
P
venv/bin/python export.py > stdout.txt
echo "lines on stdout: $(wc -l < stdout.txt)"
head -c 120 stdout.txt
echo
grep -q "Torch IR graph at exception" stdout.txt
