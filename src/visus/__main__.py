"""``python -m visus`` is the command line."""

from visus.cli.app import main

main()
