"""A store of two directories, of which one is taken for memory."""

from pathlib import Path

import pytest

from picloud.blobs.store import BlobStore
from tests.support.stores import a_store


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    """An empty store."""
    return a_store(tmp_path)
