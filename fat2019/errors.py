"""Errors with a cause outside the program. The command line prints each as one line and exits with status 2."""


class DataError(Exception):
    """Something outside the program is wrong: a file, a folder, an option.

    The message is one line that names the thing and the likely mistake; the command line prints it
    without a traceback and exits with status 2.
    """


class UnreadableAudio(DataError):
    """A clip cannot be used on any machine: a build quarantines it, other commands name it."""


class FailedRead(DataError):
    """The machine failed to read a file, whatever it contains: another attempt may succeed."""


class OtherVersion(DataError):
    """A store has a format version that this program does not read."""
