"""``visus explain``: one command for each way to ask a network why."""
