"""The task ``localize``: the one object of a picture, and where it is."""
