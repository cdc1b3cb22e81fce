"""The task ``classify``: which class a picture has."""
