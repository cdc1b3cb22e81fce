"""``visus train``: one command for each task."""
