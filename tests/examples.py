"""The examples that stand in docstrings."""

import doctest
import sys


def run_examples(documented, **names):
    """Run the examples of a class or function, which may use these names and its module's own; how many there are."""
    runner = doctest.DocTestRunner()
    names = {**vars(sys.modules[documented.__module__]), **names}
    for example in doctest.DocTestFinder(recurse=False).find(documented, globs=names):
        runner.run(example)
    assert runner.failures == 0  # what went wrong is printed
    return runner.tries
