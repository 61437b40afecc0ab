"""What can go wrong outside the program. The command line prints each as one line and exits with status 2."""


class DataError(Exception):
    """Something outside the program is wrong: a file, a folder, an option.

    The message is one line that names the thing and the likely mistake; the command line prints it
    without a traceback and exits with status 2.
    """
