"""Try one part of what makes visus fast, and print what became of it as JSON.

python -m visus.doctor.probes jpeg
"""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from visus._errors import DependencyError

_PACKAGE = Path(__file__).parents[1]

COMPILED = (
    "filters/_direct",
    "filters/_gaussian",
    "filters/_loops",
    "filters/_median",
    "filters/_spectra",
    "ops/_field",
    "ops/_lattice",
    "search/_codes",
    "search/duplicates/_blocks",
    "search/duplicates/_corners",
)
"""The parts of visus that are compiled as it is installed."""

Found = tuple[str, dict[str, Any]]
"""A line for people, and values for programs."""


def _compiled() -> Found:
    from visus import _native

    for name in COMPILED:
        _native.library((_PACKAGE / name).parent, name.rpartition("/")[2])
    return f"{len(COMPILED)} compiled parts", {"compiled": len(COMPILED)}


def _jpeg() -> Found:
    import numpy as np
    import simplejpeg

    data = simplejpeg.encode_jpeg(np.zeros((64, 64, 3), np.uint8))
    assert simplejpeg.decode_jpeg(data, min_height=8, min_width=8).ndim == 3
    return "JPEG files are decoded at the scale that is needed", {}


def _opencv() -> Found:
    import cv2
    import numpy as np

    assert cv2.resize(np.zeros((8, 8, 3), np.uint8), (4, 4)).shape == (4, 4, 3)
    return f"resizes, filters, features; {cv2.getNumThreads()} threads", {"threads": cv2.getNumThreads()}


def _lance() -> Found:
    import lance
    import pyarrow

    return f"the table of an index, with pyarrow {pyarrow.__version__}", {"lance": lance.__version__}


def _onnxruntime() -> Found:
    import onnxruntime

    providers = onnxruntime.get_available_providers()
    assert "CPUExecutionProvider" in providers
    return "describes a few pictures, starts soonest", {"providers": providers}


def _openvino() -> Found:
    from visus._openvino import core

    devices = list(core().available_devices)
    types = list(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
    bf16 = "; bf16 in hardware" if "BF16" in types else ""
    return f"describes many pictures, fastest on a CPU{bf16}", {"devices": devices, "types": types}


def _torch() -> Found:
    from visus._optional import require

    torch = require("torch")
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    cards = [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
    told = f"trains on {', '.join(cards)}" if cards else "trains on the processor"
    return f"{told}; built {f'for CUDA {built}' if built else 'without CUDA'}", {"cuda": built, "cards": cards}


PROBES: dict[str, Callable[[], Found]] = {
    "compiled": _compiled,
    "jpeg": _jpeg,
    "opencv": _opencv,
    "lance": _lance,
    "onnxruntime": _onnxruntime,
    "openvino": _openvino,
    "torch": _torch,
}
"""What tries each part of :data:`visus.doctor.parts.PARTS`."""


def main(key: str) -> None:
    """Try one part, and print what became of it as JSON.

    Args:
        key: Of :data:`PROBES`.
    """
    found: dict[str, Any]
    tried = PROBES[key]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            told, values = tried()
            found = {"state": "runs", "told": told, "values": values}
        except (ModuleNotFoundError, DependencyError) as error:
            missing = error.__cause__ if isinstance(error, DependencyError) else error
            found = {
                "state": "missing",
                "told": f"{getattr(missing, 'name', None) or key} is not installed",
                "values": {},
            }
        except Exception as error:  # whatever a broken package raises
            line = " ".join(str(error).split())[:300]
            found = {"state": "broken", "told": f"{type(error).__name__}: {line}", "values": {}}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
