"""The requests to Azure AI Search, against a stand-in."""

from __future__ import annotations

import time

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from calls.search.query import parse_query
from calls.search.service import SearchService, to_lucene
from tests.calls.search.search_service import StandIn


class Credential:
    """Tells which scope its tokens were requested for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        self.scopes += scopes
        return AccessToken("token", int(time.time()) + 3600)

    async def close(self) -> None: ...

    async def __aenter__(self) -> Credential:
        return self

    async def __aexit__(self, *_: object) -> None: ...


def document(call: str, words: str, created_at: int = 1) -> dict[str, object]:
    numbers = {"created_at": created_at, "duration": 5, "duration_last": 5}
    return {"id": call, "words": words, **numbers}


@pytest.mark.parametrize(
    ("query", "lucene"),
    [
        ("Invoice refund", '"invoice" AND "refund"'),
        ('"credit card" ca*', '"credit card" AND ca*'),
        ('"my credit ca*"', '"my credit" AND ca*'),
        ("a+b (c || d)", '"a b" AND "c" AND "d"'),
        ("請求", '"請 求"'),
    ],
)
def test_a_search_in_lucene_s_syntax(query: str, lucene: str) -> None:
    assert to_lucene(parse_query(query)) == lucene


async def test_the_index_is_created_when_it_is_needed(
    service: SearchService, stand_in: StandIn
) -> None:
    assert await service.search(parse_query("a"), "", "created_at desc, id desc", 10) == []
    assert stand_in.schema is None
    await service.upload(document("call", "a b"))
    assert stand_in.schema is not None
    fields = {field["name"]: field for field in stand_in.schema["fields"]}
    assert fields["words"]["analyzer"] == "whitespace"
    assert fields["words"]["retrievable"] is False
    assert await service.search(parse_query("b"), "", "created_at desc, id desc", 10) == [
        {"@search.score": 1.0, "id": "call", "created_at": 1, "duration": 5, "duration_last": 5}
    ]


async def test_a_document_is_replaced_and_deleted(
    service: SearchService, stand_in: StandIn
) -> None:
    await service.delete("call")
    await service.upload(document("call", "a"))
    await service.upload(document("call", "b"))
    assert stand_in.documents["call"]["words"] == "b"
    await service.delete("call")
    await service.delete("call")
    assert stand_in.documents == {}


async def test_a_document_that_is_refused_is_an_error(
    service: SearchService, stand_in: StandIn
) -> None:
    await service.upload(document("call", "a"))
    stand_in.failing = True
    with pytest.raises(HttpResponseError, match="refused a document: 503"):
        await service.upload(document("call", "b"))
    with pytest.raises(HttpResponseError, match="refused a document: 503"):
        await service.delete("call")


async def test_tokens_are_for_the_search_service_and_sent_over_tls_only(stand_in: StandIn) -> None:
    credential = Credential()
    service = SearchService(stand_in.endpoint, credential)
    with pytest.raises(ServiceRequestError, match="non-TLS"):
        await service.delete("call")
    await service.close()
    secure = SearchService(stand_in.endpoint.replace("http:", "https:"), credential)
    with pytest.raises(ServiceRequestError):
        await secure.delete("call")
    await secure.close()
    assert set(credential.scopes) == {"https://search.azure.com/.default"}
