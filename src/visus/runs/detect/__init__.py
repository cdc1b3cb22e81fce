"""The task ``detect``: which objects are on a picture, and where."""
