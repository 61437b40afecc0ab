"""Modules that take long to import, imported when something of them is first used."""

import importlib
from typing import Any


class LazyModule:
    """Stands for a module until an attribute of it is asked for.

    It is not in ``sys.modules`` under the module's name, so that whether the module is loaded can still be told; that
    is why :class:`importlib.util.LazyLoader` is not used. Annotations need the name for type checkers alone::

        if TYPE_CHECKING:
            import tensorflow as tf
        else:
            tf = LazyModule("tensorflow")
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)
