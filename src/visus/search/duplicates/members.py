"""What a search for duplicates answers: pictures, how they belong together, and which of them may go."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visus.search.duplicates.lying import Lying

Name = Literal[
    "byte-identical", "same pixels", "re-encoded", "resized", "cropped", "turned", "mirrored", "recolored", "bordered",
    "captioned",
]  # fmt: skip
"""How a copy differs from the picture that is kept."""

Kind = Literal["burst", "exposure bracket", "same scene", "same frame", "captioned", "overlapping"]
"""How pictures belong together that are no copies of one another."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an index.

    Attributes:
        id: Of its row.
        path: Absolute.
        width: Of the picture, in pixels.
        height: Likewise.
        size: Of the file, in bytes.
        mtime: When it was changed, ns since 1970.
        hash: Of its content.
    """

    id: int
    path: str
    width: int
    height: int
    size: int
    mtime: int
    hash: bytes = b""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"path": self.path, "width": self.width, "height": self.height, "size": self.size}


@dataclass(frozen=True, slots=True)
class Relation:
    """How a copy differs from the picture that is kept, and how sure that is.

    Attributes:
        names: What was done to it.
        agreement: Share of the compared blocks that show the same, in [0, 1].
        covered: Share of the kept picture that the copy shows, in [0, 1].
        scale: Pixels of the copy for each pixel of the kept one, along a side.
        turn: By how many degrees the copy is turned, counterclockwise, to the nearest quarter.
        color: Mean difference of the colors, in levels of 255.
    """

    names: tuple[Name, ...]
    agreement: float = 1.0
    covered: float = 1.0
    scale: float = 1.0
    turn: int = 0
    color: float = 0.0

    @property
    def lies(self) -> Lying:
        """How the copy lies beside the picture that is kept."""
        return Lying(self.turn // 90, "mirrored" in self.names)

    def __str__(self) -> str:
        """What was done to it, and the share of blocks that agree where bytes or pixels do not.

        >>> str(Relation(("cropped", "recolored"), agreement=0.987))
        'cropped, recolored (99 % agree)'
        """
        text = ", ".join(self.names)
        exact = self.names[0] in ("byte-identical", "same pixels")
        return text if exact else f"{text} ({self.agreement * 100:.0f} % agree)"

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "names": list(self.names),
            "agreement": round(self.agreement, 4),
            "covered": round(self.covered, 4),
            "scale": round(self.scale, 4),
            "turn": self.turn,
            "color": round(self.color, 1),
        }


@dataclass(frozen=True, slots=True)
class Copy(Member):
    """A further file of a group.

    Attributes:
        relation: To the picture that is kept.
        stays: Why it must not go; empty for one that could be let go.
    """

    relation: Relation = field(default_factory=lambda: Relation(("byte-identical",)))
    stays: str = ""

    @property
    def may_go(self) -> bool:
        """Whether nothing is lost without it."""
        return not self.stays

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        own = super(Copy, self).to_dict()
        return own | {"relation": self.relation.to_dict(), "may_go": self.may_go, "stays": self.stays}


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Pictures that are one and the same, each compared with the one that is kept.

    Attributes:
        keep: The one worth keeping.
        others: Its copies.
        why: What speaks for the one that is kept.
    """

    keep: Member
    others: list[Copy]
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "keep": self.keep.path,
            "why": self.why,
            "others": [copy.path for copy in self.others],
            "copies": [copy.to_dict() for copy in self.others],
        }


@dataclass(frozen=True, slots=True)
class Stack:
    """Pictures that belong together and are no copies: nothing of them is to go.

    Attributes:
        kind: How they belong together.
        members: The pictures, in the order of their paths.
    """

    kind: Kind
    members: list[Member]

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {"kind": self.kind, "pictures": [member.path for member in self.members]}


class Duplicates(list[DuplicateGroup]):
    """Groups of duplicates, the largest first.

    Attributes:
        stacks: Pictures that belong together and are no copies, the largest first.
        notes: Sentences on what was left out.
    """

    def __init__(self, groups: list[DuplicateGroup], stacks: list[Stack], notes: list[str]) -> None:
        super().__init__(groups)
        self.stacks = stacks
        self.notes = notes


def below(path: str, folder: Path) -> bool:
    """Whether a file lies in a folder or further down.

    >>> below("/a/b/c.jpg", Path("/a/b")), below("/a/bc.jpg", Path("/a/b"))
    (True, False)
    """
    return Path(path).is_relative_to(folder)
