"""Duplicates that one can act on: the same picture again, however it was stored, cut, turned or colored.

Candidates are pairs of similar vectors, and of alike hashes of thumbnails (``candidates``). Their thumbnails are laid
over one another (``alignment``) and compared block by block (``evidence``); then the files are (``opened``,
``relations``). In each group every picture is compared with the one that is kept (``grouping``, ``keep``).
"""

from visus.search.duplicates.aside import Moved, move_aside, move_back
from visus.search.duplicates.find import THRESHOLD, Tell, Thumbnails, find
from visus.search.duplicates.keep import Keeping, keeping
from visus.search.duplicates.members import Copy, DuplicateGroup, Duplicates, Member, Relation, Stack

__all__ = [
    "THRESHOLD",
    "Copy",
    "DuplicateGroup",
    "Duplicates",
    "Keeping",
    "Member",
    "Moved",
    "Relation",
    "Stack",
    "Tell",
    "Thumbnails",
    "find",
    "keeping",
    "move_aside",
    "move_back",
]
