#!/usr/bin/env bash
# Lance reports success for a data file whose last bytes the disk refused, and the table is then unreadable.
#
# The surprise: a table format that promises atomic commits should raise when the system refuses a write. pylance does so
# for every write of a data file but the last one. If the disk (or a quota, or a limit of file sizes) has no room for just
# that last piece, the footer, lance.write_dataset returns as if all were well and commits a new version. Whoever reads the
# new rows gets an error afterwards. So an append turns a table that can be read into one that cannot, without a word. The
# manifest notes a larger size than the file has.
#
# Versions: pylance 14.0.2, pyarrow 26.0.1, numpy 2.3.5, Python 3.11, Linux, ext4.
# Seen:     append: no error
#           manifest 83085 bytes, file 82885
#           read: ArrowInvalid
#
# What it means: after a commit, sync each new data file and compare its size with file_size_bytes in the fragment's
# metadata, before a user is told anything. A version that does not agree must not be used.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pylance==14.0.2 pyarrow==26.0.1 numpy==2.3.5
cd "$work"
cat > refused.py <<'P'
import os
import resource
import signal

import lance
import numpy as np
import pyarrow as pa

rows = pa.table({"number": np.arange(2000), "text": [f"row {k} " * 3 for k in range(2000)]})
lance.write_dataset(rows, "whole.lance", data_storage_version="2.0")
(name,) = os.listdir("whole.lance/data")
size = os.path.getsize(f"whole.lance/data/{name}")

table = lance.write_dataset(rows.slice(0, 5), "table.lance", data_storage_version="2.0")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # refuse, do not kill
resource.setrlimit(resource.RLIMIT_FSIZE, (size - 200, resource.RLIM_INFINITY))
try:
    table = lance.write_dataset(rows, table, mode="append")
    told = False
    print("append: no error")
except OSError as error:
    told = True
    print("append:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

readable = True
if not told:
    file = table.get_fragments()[-1].metadata.files[0]
    there = os.path.getsize(f"table.lance/data/{file.path}")
    print(f"manifest {file.file_size_bytes} bytes, file {there}")
    try:
        lance.dataset("table.lance").to_table()
        print("read: no error")
    except (OSError, pa.ArrowInvalid) as error:
        readable = False
        print(f"read: {type(error).__name__}")
raise SystemExit(0 if not told and not readable else 1)
P
"$work/venv/bin/python" refused.py
