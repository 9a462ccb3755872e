"""The index of a test's own storage."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from calls.index.call_index import CallIndex
from calls.storage import Storage


@pytest_asyncio.fixture
async def index(own_storage: Storage) -> AsyncIterator[CallIndex]:
    index = CallIndex(own_storage)
    yield index
    await index.close()
