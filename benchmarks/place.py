"""Where the data sets are."""

import argparse
import os
from pathlib import Path


def options(description: str | None, **switches: str) -> tuple[Path, argparse.Namespace]:
    """The folder of data sets, from ``--data`` or ``$VISUS_DATA``, and what else the command line says.

    Args:
        description: What the script is.
        switches: Names of further switches, and their help.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("VISUS_DATA") or None)
    for name, text in switches.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    said = parser.parse_args()
    if said.data is None:
        parser.error("give --data DATA or set VISUS_DATA")
    return Path(said.data).resolve(), said  # as an index names its files


def data_folder(description: str | None) -> Path:
    """The folder of data sets, from ``--data`` or ``$VISUS_DATA``."""
    return options(description)[0]
