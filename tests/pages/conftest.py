"""A page of a store."""

import pytest

from fat2019.pages.explore import explore
from tests.pages.html_tables import Tables


@pytest.fixture(scope="module")
def of_store(store, tiny_data, tmp_path_factory):
    """The numbers and the page of the tiny store, with its data set beside it."""
    folder = tmp_path_factory.mktemp("explore")
    numbers = explore(store.path, folder / "page.html", data=tiny_data, figures_folder=folder / "figures", examples=1)
    return numbers, Tables((folder / "page.html").read_text()), folder
