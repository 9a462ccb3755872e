"""The choice of the engine of full-text search (SEARCH)."""

from __future__ import annotations

from functools import cache

from calls.clients import Clients, managed_identity
from calls.index.call_index import get_index
from calls.search.engine import SearchEngine


@cache
def get_search(clients: Clients) -> SearchEngine | None:
    """The engine that SEARCH names; None for ``off``. It is closed with ``clients``."""
    settings = clients.settings
    engine: SearchEngine
    if settings.search == "azure":
        from calls.search.azure_search import AzureSearch
        from calls.search.service import SearchService

        service = SearchService(settings.search_endpoint, managed_identity(settings))
        engine = AzureSearch(get_index(clients), service)
    elif settings.search == "local":
        from calls.search.local_search import LocalSearch

        engine = LocalSearch(get_index(clients))
    else:
        return None
    clients.on_close(engine.close)
    return engine
