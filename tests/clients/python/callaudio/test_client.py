"""What both clients do with several requests, and how they are made."""

from __future__ import annotations

import httpx
import pytest
from callaudio import AsyncClient, Client

from tests.clients.python.callaudio.documents import call_details
from tests.clients.python.callaudio.servers import both


def pages(request: httpx.Request) -> httpx.Response:
    """Three pages of one call each."""
    cursor = request.url.params.get("cursor", "0")
    following = None if cursor == "2" else str(int(cursor) + 1)
    call = call_details(call_connection_id=f"c{cursor}")
    return httpx.Response(200, json={"calls": [call], "cursor": following})


def test_both_clients_iterate_over_all_pages() -> None:
    async def collect(client: AsyncClient) -> list[str]:
        return [call.call_connection_id async for call in client.iterate_calls(limit=1)]

    def collect_sync(client: Client) -> list[str]:
        return [call.call_connection_id for call in client.iterate_calls(limit=1)]

    assert both(pages, collect_sync, collect) == [["c0", "c1", "c2"]] * 2


def test_the_environment_has_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLAUDIO_URL", "https://app.example/")
    monkeypatch.setenv("CALLAUDIO_KEY", "a-key")
    with Client.from_environment() as client:
        assert client.url == "https://app.example"
    monkeypatch.delenv("CALLAUDIO_KEY")
    with pytest.raises(KeyError):
        Client.from_environment()


def test_a_state_that_this_client_does_not_know_is_shown_as_it_is() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        details = call_details(state="transferred", a_new_member=[1])
        return httpx.Response(200, json=details)

    with Client("http://127.0.0.1:7071", "key") as client:
        client._http = httpx.Client(
            transport=httpx.MockTransport(handler), **client._http_options()
        )
        call = client.show_call("c")
    assert str(call.state) == "transferred"
    assert call["a_new_member"] == [1]
    assert call.to_dict()["a_new_member"] == [1]
