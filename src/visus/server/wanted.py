"""What someone wants to see of the duplicates that were found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visus.search.duplicates.members import below


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which copies are wanted.

    Attributes:
        relation: How they differ from the picture that is kept; None for any.
        agreement: Least share of blocks that agree.
        folder: Where they lie; None for anywhere.
    """

    relation: str | None = None
    agreement: float = 0.0
    folder: str | None = None

    def __call__(self, found: dict[str, Any], offset: int, limit: int) -> dict[str, Any]:
        """A part of the groups that have wanted copies, with these alone, and the totals of all of them.

        Args:
            found: All that was found; it is not changed.
            offset: Groups to pass over, and stacks.
            limit: Groups at most, and stacks.
        """
        groups = [{**group, "others": others} for group in found["groups"] if (others := self._copies(group))]
        stacks = [] if self.relation or self.agreement else [own for own in found["stacks"] if self._touches(own)]
        copies = [copy for group in groups for copy in group["others"]]
        free = [copy for copy in copies if copy["may_go"]]
        totals = {
            "groups": len(groups),
            "copies": len(copies),
            "may_go": len(free),
            "size": sum(copy["size"] for copy in free),
            "stacks": len(stacks),
        }
        part = slice(offset, offset + limit)
        return {"groups": groups[part], "stacks": stacks[part], "totals": totals, "notes": found["notes"]}

    def _copies(self, group: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            copy
            for copy in group["others"]
            if (not self.relation or self.relation in copy["relation"]["names"])
            and copy["relation"]["agreement"] >= self.agreement
            and self._is_below(copy)
        ]

    def _touches(self, stack: dict[str, Any]) -> bool:
        return any(self._is_below(picture) for picture in stack["pictures"])

    def _is_below(self, picture: dict[str, Any]) -> bool:
        return not self.folder or below(picture["path"], Path(self.folder))
