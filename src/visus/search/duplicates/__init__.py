"""Duplicates that one can act on: the same picture again, however it was stored, cut, turned or colored.

Candidates are pairs of similar vectors, and of alike hashes of thumbnails (``candidates``). Their thumbnails are laid
over one another (``alignment``) and compared block by block (``evidence``); then the files are (``opened``,
``relations``). In each group every picture is compared with the one that is kept (``grouping``, ``keep``).
"""

THRESHOLD = 0.65
"""Least similarity of a pair of vectors that is looked at; measured in docs/duplicates.md."""
