"""Native messages are dropped for a while; Python's errors are not, and standard error comes back."""

import os
import subprocess
import sys

import pytest

from fat2019.utils.messages import standard_error_dropped


def test_what_native_code_writes_meanwhile_is_dropped_and_afterwards_is_not(capfd):
    os.write(2, b"before ")
    with standard_error_dropped():
        os.write(2, b"meanwhile ")
        subprocess.run([sys.executable, "-c", "import os; os.write(2, b'of a child ')"], check=True)
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "before afterwards"


def test_an_exception_passes_and_standard_error_is_there_again(capfd):
    with pytest.raises(ZeroDivisionError), standard_error_dropped():
        print(1 / 0)
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_without_standard_error_there_is_nothing_to_drop():
    program = "import os, sys; os.close(2); from fat2019.utils.messages import standard_error_dropped as d\n"
    program += "with d(): print('done')"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout == b"done\n"
