"""Waiting for a call's final result."""

from __future__ import annotations

import httpx
import pytest
from callaudio import CallDetails, ResultError, WaitTimeoutError
from callaudio.waiting import wait_until_final

from tests.clients.python.callaudio.documents import call_details
from tests.clients.python.callaudio.servers import Pauses, async_client, client, pauses

__all__ = ["pauses"]


class App:
    """Shows a call in one state after another; its events say when there is another one.

    Each wait for events ends twice: first for something that does not change the call.
    """

    def __init__(self, *states: tuple[str, str]) -> None:
        self.states = states
        self.index = 0
        self.waits: list[httpx.QueryParams] = []
        self.not_modified = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/events"):
            self.waits.append(request.url.params)
            self.index = min(len(self.waits) // 2, len(self.states) - 1)
            news = {"events": [], "call_changed": True, "cursor": f"c{len(self.waits)}"}
            return httpx.Response(200, json=news)
        etag = f'"{self.index}"'
        if request.headers.get("If-None-Match") == etag:
            self.not_modified += 1
            return httpx.Response(304, headers={"ETag": etag})
        state, result_state = self.states[self.index]
        document = call_details(state=state, result_state=result_state)
        return httpx.Response(200, json=document, headers={"ETag": etag})


STATES = (
    ("connected", "recording"),
    ("disconnected", "processing"),
    ("disconnected", "final"),
)


def test_a_client_waits_and_reports_what_changes(pauses: Pauses) -> None:
    app, shown = App(*STATES), list[str]()
    with client(app) as one:
        call = one.wait_until_final("c", on_change=lambda call: shown.append(call.result_state))
    check(app, call, shown, pauses)


async def test_an_asynchronous_one_does_too(pauses: Pauses) -> None:
    app, shown = App(*STATES), list[str]()
    async with async_client(app) as one:
        call = await one.wait_until_final("c", on_change=lambda c: shown.append(c.result_state))
    check(app, call, shown, pauses)


def check(app: App, call: CallDetails, shown: list[str], pauses: Pauses) -> None:
    assert call.result_state == "final"
    assert shown == ["recording", "processing", "final"]
    assert app.not_modified == 2
    assert pauses == [1.0] * 4
    assert [wait.get("after") for wait in app.waits] == [None, "c1", "c2", "c3"]
    assert {wait["wait_s"] for wait in app.waits} == {"25"}


def test_a_wait_that_the_app_has_no_room_for_is_repeated_later(pauses: Pauses) -> None:
    app = App(("connected", "recording"), ("disconnected", "final"))

    def handler(request: httpx.Request) -> httpx.Response:
        response = app(request)
        if request.url.path.endswith("/events"):
            response.headers["Retry-After"] = "2"
        return response

    with client(handler) as one:
        one.wait_until_final("c")
    assert pauses == [2.0, 1.0] * 2


@pytest.mark.parametrize("state", ["disconnected", "failed"])
@pytest.mark.parametrize("result_state", ["none", "partial"])
def test_a_call_without_a_final_result_is_an_error(state: str, result_state: str) -> None:
    with client(App((state, result_state))) as one, pytest.raises(ResultError) as raised:
        one.wait_until_final("c")
    assert raised.value.call.state == state
    assert f"is {state}, its result {result_state}" in str(raised.value)


def test_a_partial_result_is_enough_if_the_caller_says_so() -> None:
    with client(App(("disconnected", "partial"))) as one:
        assert one.wait_until_final("c", allow_partial=True).result_state == "partial"


def test_a_call_that_has_not_begun_to_record_is_waited_for(pauses: Pauses) -> None:
    with client(App(("connecting", "none"), ("disconnected", "final"))) as one:
        assert one.wait_until_final("c").state == "disconnected"
    assert len(pauses) == 2


def test_the_time_is_limited(pauses: Pauses) -> None:
    app = App(("connected", "recording"))
    seconds = iter(range(1000))
    steps = wait_until_final(
        "c",
        on_change=None,
        allow_partial=False,
        timeout=10,
        interval=1,
        clock=lambda: float(next(seconds)),
    )
    one = client(app)
    with pytest.raises(WaitTimeoutError, match=r"recording after 10 s, the call is connected"):
        one._run(steps)
    # Never longer than what is left.
    assert [int(wait["wait_s"]) for wait in app.waits] == list(range(8, -1, -1))
