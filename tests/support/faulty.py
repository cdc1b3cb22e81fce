"""The command line in processes of which one operation on files fails.

A process in which the library of :mod:`tests.support.faults` is preloaded imports everything once; each command is a
fork of it, so that hundreds of points can be tried.
"""

import ctypes
import importlib
import json
import os
import sys
import traceback
import warnings
from typing import Any


def _run(job: dict[str, Any], library: ctypes.CDLL) -> int:
    """Run one command in this process, and tell its exit code."""
    from visus.cli.app import main

    os.chdir(job["cwd"])
    for stream, path in ((1, job["out"]), (2, job["err"])):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, stream)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False)
    for name, value in job["patches"].items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, value)
    sys.argv = ["visus", *job["arguments"]]
    trace = os.open(job["trace"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if job["trace"] else -1
    library.faults_arm(ctypes.c_long(job["at"]), job["how"], job["below"].encode(), trace, job["memory"])
    code: object = 0
    try:
        main()
    except SystemExit as error:
        code = error.code
    except BaseException:  # a finding, which the parent reads
        traceback.print_exc()
        code = 1
    library.faults_disarm()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else 0 if code is None else 1


def serve(modules: list[str]) -> None:
    """Run the commands that standard input names, one a line, each in a fork."""
    warnings.filterwarnings("ignore")
    library = ctypes.CDLL(os.environ["LD_PRELOAD"])
    for module in modules:
        importlib.import_module(module)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _run(job, library)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1:])
