"""The search for duplicates, which takes minutes where there are many pictures: begun once, and shared by all who ask.

It runs in a process of its own, with less claim to the processor than the server has: requests are not held up, and
what it takes of memory goes back when it ends. It goes on to its end, whether somebody still asks or not.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from typing import IO, Any

from visus._errors import PictureIndexError
from visus.search import Index
from visus.search.duplicates.kept import as_plain, holding
from visus.search.place import Location

_NICE = 10


class Looking:
    """One search for duplicates at a time.

    Args:
        location: Of the index.

    Attributes:
        begun: How many searches were begun.
    """

    def __init__(self, location: Location) -> None:
        self._location = location
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._progress: dict[str, Any] = {}
        self._failure: str | None = None
        self._unkept: dict[str, Any] = {}  # the result for an index that may not be written, and its version
        self.begun = 0

    def found(self, index: Index) -> dict[str, Any] | None:
        """The result for an index as it is now; None while it is looked for, which begins here.

        Args:
            index: To be asked.

        Raises:
            PictureIndexError: The search before ended with an error; the next request begins another.
        """
        with self._lock:
            if self._process is None:
                version, known = index.identity, index.duplicates_known()
                if known is None and self._unkept.get("version") == version:
                    known = holding(self._unkept["kept"], {})
                if known is not None:
                    return known
                if self._failure:
                    failure, self._failure = self._failure, None
                    raise PictureIndexError(failure)
                self._begin(version)
            return None

    @property
    def progress(self) -> dict[str, Any]:
        """What is being done: ``what``, ``done`` and ``total``."""
        return dict(self._progress)

    @property
    def is_running(self) -> bool:
        """Whether duplicates are being looked for."""
        return self._process is not None

    def close(self) -> None:
        """End the search for duplicates, where one runs."""
        with self._lock:
            if self._process:
                self._process.terminate()

    def _begin(self, version: str) -> None:
        self.begun += 1
        self._progress = {"what": "Reading the index", "done": 0, "total": 1}
        command = [sys.executable, "-m", "visus.server.looking", os.fspath(self._location)]
        errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by _follow; a pipe could fill up
        nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
        self._process = subprocess.Popen(command, encoding="utf-8", stdin=nothing, stdout=pipe, stderr=errors)
        threading.Thread(target=self._follow, args=(self._process, errors, version), daemon=True).start()

    def _follow(self, process: subprocess.Popen[str], errors: IO[str], version: str) -> None:
        assert process.stdout
        for line in process.stdout:
            told = json.loads(line)
            if "kept" in told:
                self._unkept = {"version": version, "kept": told["kept"]}
            else:
                self._progress = told
        failed = process.wait()
        errors.seek(0)
        lines = errors.read().strip().splitlines()
        with self._lock:
            if failed:
                self._failure = lines[-1] if lines else "The search for duplicates was ended; ask again."
            self._process = None
        process.stdout.close()
        errors.close()


def main(location: str) -> None:
    """Look for duplicates, keep the result beside the index, and tell of the progress, a line of JSON a step.

    Args:
        location: Of the index.
    """
    if hasattr(os, "nice"):
        os.nice(_NICE)
    index = Index(location)

    def tell(what: str, done: int, total: int) -> None:
        with contextlib.suppress(BrokenPipeError):  # the server is gone; the next one will find the result
            print(json.dumps({"what": what, "done": done, "total": total}), flush=True)

    found = index.duplicates(tell=tell)
    if index.duplicates_known() is None:  # the index may not be written
        print(json.dumps({"kept": as_plain(found)}), flush=True)


if __name__ == "__main__":
    from visus._errors import VisusError

    try:
        main(sys.argv[1])
    except VisusError as error:
        sys.exit(str(error))
