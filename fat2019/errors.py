"""What can go wrong outside the program. The command line prints each as one line and exits with status 2."""


class DataError(Exception):
    """Something outside the program is wrong: a file, a folder, an option.

    The message is one line that names the thing and the likely mistake; the command line prints it
    without a traceback and exits with status 2.
    """


class UnreadableAudio(DataError):
    """One clip cannot be used, whoever reads it: a build puts it in quarantine, other commands name it."""


class FailedRead(DataError):
    """The machine failed to read a file, which says nothing of what is in it: another try may succeed."""


class OtherVersion(DataError):
    """A store is of a format that this program does not read."""
