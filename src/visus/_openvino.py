"""OpenVINO's core, of which a process has one for as long as it lives.

A core gives the thread that compiles with it first a stack for signals (sigaltstack), and when it goes it gives back
the stack that was there before. Of two cores the one that goes last gives back the first one's, which is gone: the next
signal, be it Ctrl-C or the end of a child, kills the process. One core that stays cannot do so.
"""

import sys
import threading
from typing import Any

_alone = threading.Lock()
_made: list[Any] = []


def core() -> Any:  # noqa: ANN401 - openvino.Core, imported at use
    """The core of this process.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    # Without this OpenVINO starts a process that reports its use to a server; visus talks to no other host.
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    import openvino

    with _alone:
        if not _made:
            _made.append(openvino.Core())
    return _made[0]


def hints(streams: int, precision: str = "f32", *, threads: int | None = None) -> dict[str, str]:
    """How a network is to be compiled that answers so many pictures at a time, each by one thread.

    Args:
        streams: How many pictures.
        precision: ``"f32"`` or ``"bf16"``.
        threads: How many threads all of them have; None for one each.
    """
    return {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": str(streams),
        "INFERENCE_NUM_THREADS": str(threads or streams),
    }
