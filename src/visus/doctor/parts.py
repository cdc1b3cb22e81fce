"""What makes visus fast: each part is tried in a process of its own, since one that is broken may end its process."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from visus._cores import cores

_PATIENCE = 120  # seconds


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that makes visus fast.

    Attributes:
        name: What it is called.
        state: ``"runs"``, ``"missing"``, or ``"broken"``: it is there and does not run.
        told: What it does or has, or what is wrong, as one line.
        values: The same for programs.
    """

    name: str
    state: Literal["runs", "missing", "broken"]
    told: str
    values: dict[str, Any]


PARTS = {
    "compiled": "visus's own loops in C",
    "jpeg": "simplejpeg",
    "opencv": "OpenCV",
    "lance": "Lance",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "torch": "PyTorch",
}
"""The parts by their keys; :mod:`visus.doctor.probes` tries each."""


def parts() -> dict[str, Part]:
    """All parts, each tried in a process of its own."""
    with ThreadPoolExecutor(cores()) as pool:
        return dict(zip(PARTS, pool.map(_tried, PARTS), strict=True))


def _tried(key: str) -> Part:
    name = PARTS[key]
    try:
        told = asked("visus.doctor.probes", key, seconds=_PATIENCE)
    except BrokenError as error:
        return Part(name, "broken", str(error), {})
    return Part(name, told["state"], told["told"], told["values"])


class BrokenError(Exception):
    """A process did not come to its end."""


def asked(module: str, *arguments: str, seconds: float) -> Any:  # noqa: ANN401 - what JSON holds
    """What a module prints as JSON when it is run in a process of its own.

    Args:
        module: Its name.
        arguments: For it.
        seconds: After which it is ended.

    Raises:
        BrokenError: It was ended, or printed something else; the sentence says how it ended.
    """
    command = [sys.executable, "-m", module, *arguments]
    try:
        told = subprocess.run(command, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise BrokenError(f"does not answer within {seconds:g} s") from error
    except OSError as error:
        raise BrokenError(f"cannot be tried ({error.strerror})") from error
    try:
        return json.loads(told.stdout.decode(errors="replace").strip().splitlines()[-1])
    except (ValueError, IndexError) as error:
        ended = f"signal {-told.returncode}" if told.returncode < 0 else f"code {told.returncode}"
        raise BrokenError(f"ends its process ({ended})") from error
