"""Recordings that are read in several blocks."""

import pytest

from fat2019.audio import libsndfile


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(libsndfile, "_BLOCK_SAMPLES", 1 << 16)
