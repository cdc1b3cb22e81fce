"""The journal of a study: one line of JSON for each event of its trials (Optuna's JournalStorage).

Optuna's own locks are a link or a file that a killed process leaves behind, and a lock that cannot be given back ends
in an error of its own. A lock of the system goes with its process.
"""

from pathlib import Path

import filelock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from visus._files import write_atomically

NAME = "study.log"


class _Lock(JournalFileOpenLock):
    """Lets one process write at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder / NAME))
        self._lock = filelock.FileLock(folder / ".study.lock")

    def acquire(self) -> bool:
        """Wait for the lock."""
        self._lock.acquire()
        return True

    def release(self) -> None:
        """Give it back."""
        self._lock.release()


def open_journal(folder: Path) -> JournalStorage:
    """The journal of a study; what a process that died in the middle of a line has left is taken away.

    Args:
        folder: Of the study.

    Raises:
        OSError: The journal cannot be read or written.
        ValueError: A line is damaged.
    """
    _cut_unfinished_line(folder / NAME, _Lock(folder))
    return JournalStorage(JournalFileBackend(str(folder / NAME), lock_obj=_Lock(folder)))


def _cut_unfinished_line(path: Path, lock: _Lock) -> None:
    if not path.is_file():
        return
    lock.acquire()
    try:
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            write_atomically(path, content[: content.rfind(b"\n") + 1])
    finally:
        lock.release()
