"""The files of a run: its folder, its settings, which pictures it has seen."""
