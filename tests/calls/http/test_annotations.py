"""Tags and notes over HTTP: a merge patch, checked, and at placing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from calls.clients import Clients
from calls.http.annotations import change_call
from calls.http.calls import parse_place_call
from calls.http.problems import Problem
from calls.records.store import read_record
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import new_call_id

WRONG: list[dict[str, Any]] = [
    {"tags": ["x"] * 21},
    {"tags": ["x" * 65]},
    {"tags": [""]},
    {"tags": [" x"]},
    {"tags": ["a\nb"]},
    {"tags": ["a\u202eb"]},
    {"tags": "x"},
    {"tags": [1]},
    {"notes": ""},
    {"notes": "x" * 4097},
    {"notes": "a\x00b"},
    {"notes": ["x"]},
]


async def patch(clients: Clients, call: str, **members: Any) -> Any:
    body = msgspec.json.encode(members)
    response = await send_request(clients, change_call, "PATCH", body=body, id=call)
    return decode_body(response)


async def test_what_is_absent_stays_and_null_removes(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    changed = await patch(clients, call, tags=["VIP", "späť", "VIP"], notes="One line.\nTwo.\t")
    assert (changed["tags"], changed["notes"]) == (["VIP", "späť"], "One line.\nTwo.\t")
    changed = await patch(clients, call, notes=None)
    assert (changed["tags"], changed["notes"]) == (["VIP", "späť"], None)
    changed = await patch(clients, call, tags=[], notes="kept")
    assert (changed["tags"], changed["notes"]) == ([], "kept")
    await patch(clients, call, tags=["x"])
    changed = await patch(clients, call, tags=None)
    assert (changed["tags"], changed["notes"]) == ([], "kept")
    record = await read_record(clients.storage, call)
    assert (record.tags, record.notes) == ([], "kept")


async def test_an_empty_patch_changes_nothing(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    before = await read_record(clients.storage, call)
    await patch(clients, call)
    assert await read_record(clients.storage, call) == before


@pytest.mark.parametrize("members", [*WRONG, {"state": "failed"}], ids=str)
async def test_a_wrong_patch(clients: Clients, members: dict[str, Any]) -> None:
    call = new_call_id()
    await create_record(clients, call)
    problem = await patch(clients, call, **members)
    assert (problem["status"], problem["code"]) == (400, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == list(members)


async def test_an_unknown_call_has_no_tags(clients: Clients) -> None:
    assert (await patch(clients, new_call_id(), tags=["x"]))["code"] == "call_not_found"


def test_tags_and_notes_at_placing(clients: Clients) -> None:
    members = {"to": "8:acs:a_b", "tags": ["x", "x"], "notes": "y"}
    call = parse_place_call(members, clients.settings)
    assert (call.tags, call.notes) == (["x"], "y")
    call = parse_place_call({"to": "8:acs:a_b", "tags": []}, clients.settings)
    assert (call.tags, call.notes) == ([], None)


@pytest.mark.parametrize("members", WRONG, ids=str)
def test_wrong_tags_and_notes_at_placing(clients: Clients, members: dict[str, Any]) -> None:
    with pytest.raises(Problem) as raised:
        parse_place_call({"to": "8:acs:a_b"} | members, clients.settings)
    assert [error["field"] for error in raised.value.errors or ()] == list(members)
