"""Shards of every version that can be read."""

import pytest

from fat2019.store.schema import READ_VERSIONS
from tests.store.formats.shards import VERSION


@pytest.fixture(scope="module", params=READ_VERSIONS)
def version(request):
    """Every test is of every version."""
    VERSION["written"] = request.param
    return request.param
