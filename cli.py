"""The command line without installation: ``python cli.py ...`` is ``fat2019 ...``."""

from fat2019.__main__ import run

if __name__ == "__main__":
    run()
