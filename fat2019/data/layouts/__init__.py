"""The layouts of data sets: one module each, found by being in this package."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Mapping

from fat2019.data.layouts.base import Layout


@functools.cache
def layouts() -> Mapping[str, Layout]:
    """Every layout by its name, those with names of their own first, then by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Layout) and not inspect.isabstract(value)
    }
    return {
        layout.name: layout
        for layout in sorted((kind() for kind in found), key=lambda one: (not one.has_own_names, one.name))
    }
