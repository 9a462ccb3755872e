"""Deleting calls over HTTP: 202 with a place to look, 409 with advice, and 410 from then on."""

from __future__ import annotations

from typing import Any

import pytest

from calls import blobs
from calls.clients import Clients
from calls.http import call_details, calls, holds, links, results, transcripts
from calls.http.annotations import change_call
from calls.http.deletions import delete_handler, show_deletion
from calls.http.respond import Handler
from calls.records.store import read_record
from calls.retention.messages import decode_message
from calls.retention.run import run_deletion
from contract import names
from contract.grants import decode_grant
from tests.calls.call_events import record_events
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.retention.calls_to_delete import Clock
from tests.calls.sample_streams import STARTED_AT, SampleStream, new_call_id, noise
from tests.calls.stream_uploader import StreamUploader, send_nothing


async def create_ended_call(clients: Clients) -> str:
    call = new_call_id()
    await record_events(clients.storage, call, STARTED_AT, "CallConnected", "CallDisconnected")
    return call


async def test_a_call_is_deleted_and_its_receipt_shown(clients: Clients) -> None:
    call = await create_ended_call(clients)
    messages: list[str] = []
    response = await send_request(clients, delete_handler(messages.append), "DELETE", id=call)
    assert response.status_code == 202
    body = decode_body(response)
    assert response.headers["Location"] == f"/api/v1/deletions/{body['id']}"
    assert (body["call_connection_id"], body["scope"], body["state"]) == (call, "call", "running")
    assert body["requested_by"]["kind"] == "key"
    (message,) = messages
    assert decode_message(message.encode()).deletion == body["id"]

    response = await send_request(clients, show_deletion, id=body["id"])
    assert (response.status_code, response.headers["Retry-After"]) == (200, "2")
    await run_deletion(clients.storage, body["id"], Clock())
    response = await send_request(clients, show_deletion, id=body["id"])
    assert response.status_code == 200
    assert "Retry-After" not in response.headers
    receipt = decode_body(response)
    assert receipt["state"] == "completed"
    assert receipt["digest"]
    assert {key: value for key, value in receipt["deleted"][0].items() if key != "bytes"} == {
        "container": "calls",
        "count": 1,
    }


async def test_a_deletion_can_be_repeated(clients: Clients) -> None:
    call = await create_ended_call(clients)
    messages: list[str] = []
    handler = delete_handler(messages.append)
    first = await send_request(clients, handler, "DELETE", id=call)
    second = await send_request(clients, handler, "DELETE", id=call)
    assert second.status_code == 202
    assert second.headers["Location"] == first.headers["Location"]
    assert len(messages) == 2, "the first message may have been lost"
    await run_deletion(clients.storage, decode_body(first)["id"], Clock())
    third = await send_request(clients, handler, "DELETE", id=call)
    assert (third.status_code, decode_body(third)["state"]) == (202, "completed")
    assert len(messages) == 2


GETS: list[tuple[Handler, dict[str, Any]]] = [
    (call_details.show_call, {}),
    (results.show_timeline, {}),
    (results.send_recording, {}),
    (results.send_segment, {"track": "mixed", "index": "0"}),
    (transcripts.show_transcript, {}),
    (links.create_links, {}),
    (calls.hang_up, {}),
    (calls.start_streaming, {}),
    (calls.stop_streaming, {}),
    (transcripts.retry_handler(send_nothing), {}),
    (change_call, {}),
    (holds.place_hold, {}),
    (holds.release_hold, {}),
]


@pytest.mark.parametrize(
    ("handler", "route"), GETS, ids=lambda value: getattr(value, "__name__", "")
)
async def test_a_deleted_call_is_gone(
    clients: Clients, handler: Handler, route: dict[str, Any]
) -> None:
    call = await create_ended_call(clients)
    response = await send_request(clients, delete_handler(send_nothing), "DELETE", id=call)
    receipt = decode_body(response)
    await run_deletion(clients.storage, receipt["id"], Clock())
    body = b'{"reason": "a claim"}' if handler is holds.place_hold else b""
    response = await send_request(clients, handler, body=body, id=call, **route)
    problem = decode_body(response)
    assert (response.status_code, problem["code"]) == (410, "call_deleted")
    assert receipt["requested_at"].rstrip("Z") in problem["detail"]
    assert response.headers.get("Location") is None
    assert receipt["id"] in problem["detail"]


async def test_nothing_is_shown_while_a_call_is_being_deleted(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, await create_ended_call(uploader.clients)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    assert (await send_request(clients, results.show_timeline, id=call)).status_code == 200
    await send_request(clients, delete_handler(send_nothing), "DELETE", id=call)
    await clients.storage.delete(blobs.CALLS, blobs.call_blob(call))
    for handler in (results.show_timeline, results.send_recording, transcripts.show_transcript):
        assert (await send_request(clients, handler, id=call)).status_code == 410


async def test_a_call_that_goes_on_is_not_deleted_unless_it_is_hung_up(
    acs_clients: Clients,
) -> None:
    body = b'{"to": "+15551230000", "from": "+15559990000"}'
    placed = await send_request(acs_clients, calls.place_call, "POST", body=body)
    call = decode_body(placed)["call_connection_id"]
    response = await send_request(acs_clients, delete_handler(send_nothing), "DELETE", id=call)
    problem = decode_body(response)
    assert (response.status_code, problem["code"]) == (409, "call_not_ended")
    assert "hangup=true" in problem["detail"]
    response = await send_request(
        acs_clients, delete_handler(send_nothing), "DELETE", params={"hangup": "true"}, id=call
    )
    assert response.status_code == 202
    prefix = names.grant_notes(call)
    (note,) = await acs_clients.storage.blob_names(names.GRANTS, prefix)
    grant = await acs_clients.storage.read(names.GRANTS, note.removeprefix(prefix))
    assert grant is not None
    assert decode_grant(grant.content).ended_at is not None


async def test_a_call_on_hold_is_not_deleted_nor_hung_up(clients: Clients) -> None:
    call = new_call_id()
    await create_record(clients, call)
    body = b'{"reason": "Claim 118"}'
    await send_request(clients, holds.place_hold, "PUT", body=body, id=call)
    response = await send_request(
        clients, delete_handler(send_nothing), "DELETE", params={"hangup": "true"}, id=call
    )
    assert (response.status_code, decode_body(response)["code"]) == (409, "call_on_hold")
    assert (await read_record(clients.storage, call)).call_connection_id == call


async def test_a_call_that_this_app_did_not_place_is_deleted(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, new_call_id()
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    response = await send_request(clients, delete_handler(send_nothing), "DELETE", id=call)
    assert response.status_code == 202
    await run_deletion(clients.storage, decode_body(response)["id"], Clock())
    assert await clients.storage.blob_names(blobs.RESULTS, f"{call}/") == []


async def test_one_participant_is_erased(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, await create_ended_call(uploader.clients)
    stream = SampleStream(call, {"4:+15550000001": noise(16_000), "4:+15550000002": noise(16_000)})
    await uploader.process(stream)
    messages: list[str] = []
    response = await send_request(
        clients, delete_handler(messages.append), "DELETE", params={"participant": "p1"}, id=call
    )
    body = decode_body(response)
    assert (response.status_code, body["scope"]) == (202, "participant")
    assert len(messages) == 1
    assert "1555" not in response.get_body().decode()
    await run_deletion(clients.storage, body["id"], Clock())
    assert (await send_request(clients, call_details.show_call, id=call)).status_code == 200
    assert len(await clients.storage.blob_names(names.SEGMENTS, f"{call}/")) == 1


async def test_a_participant_of_a_mixed_track_is_not_erased(uploader: StreamUploader) -> None:
    clients, call = uploader.clients, await create_ended_call(uploader.clients)
    await uploader.process(SampleStream(call, {None: noise(16_000)}))
    for participant, status, code in (
        ("mixed", 409, "tracks_not_separate"),
        ("4:+15550000001", 409, "tracks_not_separate"),
    ):
        response = await send_request(
            clients,
            delete_handler(send_nothing),
            "DELETE",
            params={"participant": participant},
            id=call,
        )
        assert (response.status_code, decode_body(response)["code"]) == (status, code)


@pytest.mark.parametrize(
    ("handler", "route", "params", "status", "code"),
    [
        (delete_handler(send_nothing), {"id": "unknown"}, {}, 404, "call_not_found"),
        (delete_handler(send_nothing), {"id": "../x"}, {}, 404, "call_not_found"),
        (delete_handler(send_nothing), {"id": "a"}, {"hangup": "1"}, 400, "invalid_request"),
        (delete_handler(send_nothing), {"id": "a"}, {"all": "true"}, 400, "invalid_request"),
        (show_deletion, {"id": "0" * 32}, {}, 404, "deletion_not_found"),
        (show_deletion, {"id": "../calls/a"}, {}, 404, "deletion_not_found"),
    ],
)
async def test_what_is_refused(
    clients: Clients,
    handler: Handler,
    route: dict[str, Any],
    params: dict[str, str],
    status: int,
    code: str,
) -> None:
    response = await send_request(clients, handler, params=params, **route)
    assert (response.status_code, decode_body(response)["code"]) == (status, code)
