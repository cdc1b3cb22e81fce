"""Tasks: what a network is trained for, one file each, beside losses, optimisers, schedules and health."""
