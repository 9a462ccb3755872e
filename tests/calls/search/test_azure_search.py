"""What is special about Azure AI Search: its pages, its filters, and its failures."""

from __future__ import annotations

import pytest

from calls.errors import SearchUnavailable
from calls.index.call_index import CallIndex
from calls.index.selection import Cursor, Selection
from calls.search import azure_search
from calls.search.azure_search import AzureSearch, to_odata
from calls.search.query import parse_query
from calls.search.service import SearchService
from calls.storage import Storage
from tests.calls.search.said import find, say
from tests.calls.search.search_service import StandIn


@pytest.fixture
def search(index: CallIndex, service: SearchService) -> AzureSearch:
    return AzureSearch(index, service)


@pytest.mark.parametrize(
    ("selection", "cursor", "filter_"),
    [
        (Selection(), None, ""),
        (Selection(state="failed", tags=("a",)), None, ""),
        (
            Selection(begun_from=1, begun_until=9),
            None,
            "created_at ge 1 and created_at lt 9",
        ),
        (
            Selection(begun_from=1),
            Cursor(5, "c"),
            "created_at ge 1 and (created_at lt 5 or (created_at eq 5 and id lt 'c'))",
        ),
        (
            Selection(sort="duration"),
            Cursor(5, "c"),
            "(duration_last gt 5 or (duration_last eq 5 and id gt 'c'))",
        ),
        (
            Selection(sort="-duration"),
            Cursor(-1, "c"),
            "(duration lt -1 or (duration eq -1 and id lt 'c'))",
        ),
    ],
)
def test_times_and_cursors_as_odata(
    selection: Selection, cursor: Cursor | None, filter_: str
) -> None:
    assert to_odata(selection, cursor) == filter_


async def test_a_page_costs_a_few_requests_and_may_be_short(
    own_storage: Storage, search: AzureSearch, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_search, "MAX_HITS", 2)
    monkeypatch.setattr(azure_search, "_MAX_REQUESTS", 2)
    for number in range(12):
        tags = ["rare"] if number in (0, 11) else []
        await say(own_storage, search, f"call{number}", number, "said", tags=tags)
    selection, terms = Selection(tags=("rare",)), parse_query("said")
    page = await search.page(selection, terms, 2, None)
    assert (len(page.contents), len(stand_in.searches)) == (1, 2), "it looked at four hits"
    assert page.cursor is not None
    page = await search.page(selection, terms, 2, page.cursor)
    assert (page.contents, len(stand_in.searches)) == ([], 4)
    assert page.cursor is not None
    assert await find(search, "said", 2, tags=("rare",)) == ["call11", "call0"]


async def test_what_the_service_still_has_of_a_deleted_call_is_not_found(
    own_storage: Storage, search: AzureSearch, stand_in: StandIn
) -> None:
    await say(own_storage, search, "a", 0, "said")
    stand_in.documents["gone"] = dict(next(iter(stand_in.documents.values())), id="gone")
    assert await find(search, "said") == ["a"]


async def test_the_service_gets_words_and_no_names(
    own_storage: Storage, search: AzureSearch, stand_in: StandIn
) -> None:
    call = await say(own_storage, search, "a", 3, "Zoë said", names={"4:+15550000001": "Zed"})
    document = stand_in.documents[call]
    assert document.pop("created_at") > 0
    assert document == {"id": call, "words": "zoe said", "duration": 3000, "duration_last": 3000}
    await search.remove(call)
    assert stand_in.documents == {}


async def test_a_service_that_does_not_answer(search: AzureSearch, stand_in: StandIn) -> None:
    await stand_in.stop()
    with pytest.raises(SearchUnavailable):
        await search.page(Selection(), parse_query("said"), 1, None)
    await stand_in.start()
