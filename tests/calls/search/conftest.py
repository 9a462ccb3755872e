"""Both engines over a test's own storage, with an index of its calls."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from azure.core.pipeline.policies import AsyncRetryPolicy

from calls.index.call_index import CallIndex
from calls.search.azure_search import AzureSearch
from calls.search.engine import SearchEngine
from calls.search.local_search import LocalSearch
from calls.search.service import SearchService
from calls.storage import Storage
from tests.calls.search.search_service import StandIn, Token


@pytest_asyncio.fixture
async def index(own_storage: Storage) -> AsyncIterator[CallIndex]:
    index = CallIndex(own_storage)
    yield index
    await index.close()


@pytest_asyncio.fixture
async def stand_in() -> AsyncIterator[StandIn]:
    stand_in = StandIn()
    await stand_in.start()
    yield stand_in
    await stand_in.stop()


@pytest_asyncio.fixture
async def service(stand_in: StandIn) -> AsyncIterator[SearchService]:
    service = SearchService(stand_in.endpoint, None, [AsyncRetryPolicy(retry_total=0), Token()])
    yield service
    await service.close()


@pytest_asyncio.fixture(params=["local", "azure"])
async def engine(
    request: pytest.FixtureRequest, index: CallIndex, service: SearchService
) -> AsyncIterator[SearchEngine]:
    if request.param == "azure":
        yield AzureSearch(index, service)
        return
    local = LocalSearch(index)
    yield local
    await local.close()
