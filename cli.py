"""The command line without installation: ``python cli.py ...`` is ``fat2019 ...``."""

from fat2019.cli import main

if __name__ == "__main__":
    main()
