"""What needs an extra says so before it begins."""

import sys

import pytest

from fat2019.errors import DataError
from fat2019.utils.extras import require_extra


def test_all_modules_are_looked_for_and_none_is_imported(monkeypatch):
    looked_for = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: looked_for.append(name) or object())
    require_extra("app", "serve", "never_imported", "nor_this")
    assert looked_for == ["never_imported", "nor_this"]
    assert not {"never_imported", "nor_this"} & set(sys.modules)


def test_what_is_missing_is_named_with_how_to_install_it():
    with pytest.raises(DataError) as caught:
        require_extra("app", "serve", "json", "no_such_module", "nor_this")
    assert str(caught.value) == (
        "serve needs the extra [app]: no_such_module, nor_this is not installed; pip install 'fat2019[app]'"
    )
