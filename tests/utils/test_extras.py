"""What needs an extra says so before it begins."""

import pytest

from fat2019.errors import DataError
from fat2019.utils.extras import require_extra


def test_what_is_installed_is_enough():
    require_extra("app", "serve", "json", "pathlib")


def test_what_is_missing_is_named_with_how_to_install_it():
    with pytest.raises(DataError) as caught:
        require_extra("app", "serve", "json", "no_such_module", "nor_this")
    assert str(caught.value) == (
        "serve needs the extra [app]: no_such_module, nor_this is not installed; pip install 'fat2019[app]'"
    )
