"""Tasks: what a network is trained for, one file each, beside losses, optimizers, schedules and health."""
