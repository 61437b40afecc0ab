"""``python -m fat2019 ...`` is ``fat2019 ...``."""

from fat2019.cli import main

if __name__ == "__main__":
    main(prog_name="fat2019")
