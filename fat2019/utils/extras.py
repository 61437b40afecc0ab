"""Packages of an extra, such as gradio of ``fat2019[app]``: what needs them says so before it begins."""

import importlib.util

from fat2019.errors import DataError


def require_extra(extra: str, what: str, *modules: str) -> None:
    """Check that the packages of an extra are installed; whether they can be imported is for their import to tell.

    Args:
        extra: its name.
        what: needs it, as the message begins.
        modules: top-level modules that it brings.

    Raises:
        DataError: one is not installed.
    """
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise DataError(
            f"{what} needs the extra [{extra}]: {', '.join(missing)} is not installed; pip install 'fat2019[{extra}]'"
        )
