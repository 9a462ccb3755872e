"""The engine that SEARCH names."""

from __future__ import annotations

import msgspec
import pytest

from calls.clients import Clients
from calls.search.azure_search import AzureSearch
from calls.search.engines import get_search
from calls.search.local_search import LocalSearch


@pytest.mark.parametrize(
    ("search", "engine"), [("off", None), ("local", LocalSearch), ("azure", AzureSearch)]
)
async def test_the_engine_is_created_once(
    clients: Clients, search: str, engine: type | None
) -> None:
    clients.settings = msgspec.structs.replace(
        clients.settings, search=search, search_endpoint="https://a.search.windows.net"
    )
    created = get_search(clients)
    assert type(created) is (engine or type(None))
    assert get_search(clients) is created
