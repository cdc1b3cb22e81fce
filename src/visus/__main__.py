"""``visus`` and ``python -m visus``: the command line."""

import signal


def main() -> None:
    """Run the command line; Ctrl-C while it is being imported ends the process without a traceback."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from visus.cli.app import main as run

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


if __name__ == "__main__":
    main()
