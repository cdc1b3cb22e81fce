"""What is said of trainings that are well, and of others that are ill on purpose.

    python -m benchmarks.health [good|sick] [--only WORDS]

Thirty good trainings of every task and kind of network should be left in peace, and of twelve sick ones the first
sentence should name the illness. All learn from pictures that are made on the spot. The last table counts: true kinds
in rows, what was said first in columns.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.trainings import GOOD, KINDS, SICK, first_said


def main() -> None:
    """Train all, and print what was said of each, and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=("good", "sick"))
    parser.add_argument("--only", default="", help="only those whose name has these words")
    said = parser.parse_args()
    cases = [*(GOOD if said.part != "sick" else []), *(SICK if said.part != "good" else [])]
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as place:
        for case in cases:
            if said.only not in case.name:
                continue
            started = time.process_time()
            kind, sentence = first_said(case, Path(place))
            counts[case.truth, kind] += 1
            mark = " " if kind == case.truth else "x"
            seconds = time.process_time() - started
            print(f"{mark} {case.name:30} {case.truth:10} {kind:10} {seconds:5.1f} s  {sentence[:110]}", flush=True)
    shown = [kind for kind in KINDS if any(kind in pair for pair in counts)]
    print(f"\n{'':10}" + "".join(f"{kind:>11}" for kind in shown))
    for truth in shown:
        print(f"{truth:10}" + "".join(f"{counts[truth, kind] or '.':>11}" for kind in shown))


if __name__ == "__main__":
    main()
