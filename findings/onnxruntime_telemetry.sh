#!/usr/bin/env bash
# ONNX Runtime's package for Linux reports to a server of Microsoft that it is used, without being asked.
#
# The surprise: one thinks of a runtime of graphs as a library that computes. Its package on the registry has a client
# for telemetry in it, which is on from the start: a process that opens one graph connects to
# mobile.events.data.microsoft.com. On a machine without a network nothing is seen of it.
#
# Who is hurt: whoever promises that nothing leaves the machine, and whoever runs it where every connection to an unknown
# host is an alarm.
#
# Versions: onnxruntime 1.32.0, onnx 1.23.2, Python 3.11, Linux, x86-64.
# Seen:     as it is              CONNECT mobile.events.data.microsoft.com:443
#           ORT_DISABLE_TELEMETRY nothing
#
# What it means: set ORT_DISABLE_TELEMETRY=1 before onnxruntime is imported.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet onnxruntime==1.32.0 onnx==1.23.2
cd "$work"
cat > use.py <<'P'
import time

import onnxruntime
from onnx import TensorProto, helper

ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [3])] for name in "xy"]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "graph", *ends)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
time.sleep(60)
P
cat > listen.py <<'P'
import os
import socket
import subprocess
import sys
import threading

came = []
server = socket.create_server(("127.0.0.1", 0))


def listen():
    while True:
        connection, _ = server.accept()
        with connection:
            came.append(connection.recv(200).decode(errors="replace").split(" HTTP")[0])


threading.Thread(target=listen, daemon=True).start()
proxy = f"http://127.0.0.1:{server.getsockname()[1]}"  # takes the place of the network: nothing goes further
names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
seen = []
for own in ({}, {"ORT_DISABLE_TELEMETRY": "1"}):
    came.clear()
    plain = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment = {**plain, **dict.fromkeys(names, proxy), **own}
    subprocess.run([sys.executable, "use.py"], check=True, env=environment)
    seen.append(came[0] if came else "nothing")
    print(f"{next(iter(own), 'as it is'):21} {seen[-1]}")
sys.exit(0 if "microsoft" in seen[0] and seen[1] == "nothing" else 1)
P
venv/bin/python listen.py
