"""Where the data sets are."""

import argparse
import os
from pathlib import Path


def data_folder(description: str | None) -> Path:
    """The folder of data sets, from ``--data`` or ``$VISUS_DATA``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    data: Path | None = parser.parse_args().data
    if data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    return data
