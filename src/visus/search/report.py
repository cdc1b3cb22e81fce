"""What an update of an index did, and how far it is."""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from visus.search.fitting import Fitted
from visus.search.walk import Failure


@dataclass(slots=True)
class Report:
    """What an update of an index did.

    Attributes:
        added: Pictures that were new.
        changed: Pictures whose content had changed.
        moved: Pictures that were found under another path, and kept their vector.
        filled: Pictures that were known, and have now been described by a further descriptor.
        redescribed: Pictures that were known, and have been described anew since they are decoded otherwise now.
        gone: Pictures that are no longer there, or whose file holds something now that cannot be used.
        pruned: Rows of pictures no longer there that were removed.
        unchanged: Pictures whose content is what it was.
        reread: How many of these were read again to know, since time, size or place of their entry had changed.
        completed: Rows of an index of 0.1 that were brought to the present format.
        links: Further names, by links, of files that were looked at.
        passed: Files and folders that were passed over: how many by their ending, kind or name.
        passed_names: The first ten paths of each of these kinds.
        hints: How pictures among these can be read, by kind.
        unvisited: Pictures that the index keeps though they were passed over: they are excluded now, or in a folder
            that cannot be entered.
        vanished: Folders whose pictures are all away, and why nothing was marked as gone there.
        unreadable: Files that could not be used, and why.
        notes: What must be said of how pictures were decoded, such as what was stretched, and of how many.
        fitted: Where the index has grown: how its vectors are compared from now on.
        precision: In which pictures were described: ``"f32"`` or ``"bf16"``.
        note: What an earlier process had left unfinished, and what could not be done as it was asked for, if something.
        seconds: Duration.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    filled: int = 0
    redescribed: int = 0
    gone: int = 0
    pruned: int = 0
    unchanged: int = 0
    reread: int = 0
    completed: int = 0
    links: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    passed_names: dict[str, list[str]] = field(default_factory=dict)
    hints: dict[str, str] = field(default_factory=dict)
    unvisited: int = 0
    vanished: list[Failure] = field(default_factory=list)
    unreadable: list[Failure] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    fitted: Fitted | None = None
    precision: str = "f32"
    note: str | None = None
    seconds: float = 0.0

    @property
    def described(self) -> int:
        """Pictures that were added, changed, filled or described anew."""
        return self.added + self.changed + self.filled + self.redescribed

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        plain = asdict(replace(self, notes=Counter()))  # which breaks a Counter that is not empty, before Python 3.12
        return {**plain, "notes": dict(self.notes)}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an update is.

    Attributes:
        done: Files that were dealt with, of those that are new or changed.
        total: Files that are new or changed.
        committed: Pictures that are safe in the index.
    """

    done: int
    total: int
    committed: int
