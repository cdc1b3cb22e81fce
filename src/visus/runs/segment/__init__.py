"""The task ``segment``: which class each position of a picture or volume has."""
