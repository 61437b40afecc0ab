"""``python -m fat2019 ...`` is ``fat2019 ...``, and so is ``python cli.py ...``."""

import signal


def run(name: str | None = None) -> None:
    """Run the command that was given."""
    # Until the command line is loaded nothing has begun, and Ctrl-C needs no words.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from fat2019.cli import main

    main(prog_name=name)


if __name__ == "__main__":
    run("fat2019")
