#!/usr/bin/env bash
# A vector of zeros is in no answer of a Lance search by cosine, not even where every row was asked for.
#
# The surprise: a search for the k nearest rows of a table with fewer than k rows should give all of them, in some order.
# With metric "cosine", pylance leaves out rows whose vector is zero (their distance is not a number), and a query of
# zeros gets no row at all. There is no error and no null: the answer is just shorter.
#
# Who is hurt: pictures get such vectors in practice. A plain black or white picture through a network that ends in ReLU,
# a histogram of what was masked away, an embedding that was padded. They are in the table, count_rows counts them, and
# no search by cosine ever shows them.
#
# Versions: pylance 14.0.2, pyarrow 26.0.1, numpy 2.3.5, Python 3.11, Linux.
# Seen:     20 rows, 20 asked for: 19 found, the row of zeros among them: False
#           a query of zeros: 0 found
#
# What it means: keep a note of rows with zero vectors when they are written, and join them to the answer yourself.
#
# Exits with 0 while this behavior stands, and with 1 once it has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet pylance==14.0.2 pyarrow==26.0.1 numpy==2.3.5
cd "$work"
cat > zeros.py <<'P'
import sys

import lance
import numpy as np
import pyarrow as pa

vectors = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
vectors[3] = 0
column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 8)
table = lance.write_dataset(pa.table({"id": np.arange(20), "vector": column}), "rows.lance")


def nearest(query: np.ndarray) -> list[int]:
    found = table.to_table(nearest={"column": "vector", "q": query, "k": 20, "metric": "cosine"})
    return found.column("id").to_pylist()


rows, none = nearest(vectors[0]), nearest(np.zeros(8, np.float32))
print(f"20 rows, 20 asked for: {len(rows)} found, the row of zeros among them: {3 in rows}")
print(f"a query of zeros: {len(none)} found")
sys.exit(0 if len(rows) == 19 and 3 not in rows and not none else 1)
P
venv/bin/python zeros.py
