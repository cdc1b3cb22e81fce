"""The task ``detect``: which objects are in a picture, and where."""
