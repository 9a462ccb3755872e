"""Answering incoming calls: the real client against the emulator, and what each event writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acs.events import MOST_INCOMING_CALL_BYTES
from calls.control import answering
from calls.principals import SYSTEM
from calls.records.store import read_record
from calls.settings import Settings
from contract import names
from contract.grants import decode_grant
from tests.calls.control.acs import (
    CALLED,
    CALLER,
    Acs,
    CreateClients,
    NewBlobs,
    correlation_id_of,
)
from tests.calls.control.incoming_calls import (
    call_connection_id_of,
    handle_event,
    logged_outcomes,
)
from tests.calls.test_audit import entries_of

USER = "8:acs:3d20e1de-0f28-41c5_0000"


async def test_an_answered_call_has_the_same_record_and_grant_as_a_placed_one(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call()
    await handle_event(clients, event)
    assert logged_outcomes(caplog, event) == ["answered -"]
    call = await call_connection_id_of(acs, event)
    record = await read_record(clients.storage, call)
    assert (record.direction, record.origin_known) == ("incoming", True)
    assert (record.from_, record.to) == (CALLER, CALLED)
    assert (record.channels, record.sample_rate, record.start_streaming) == ("mixed", 16_000, True)
    assert record.streaming.state == "starting"
    assert record.correlation_id == correlation_id_of(event)
    assert record.server_call_id == event["data"]["serverCallId"]
    options = await acs.read_streaming_options(call, "answer")
    url = options.pop("transportUrl")
    assert options == {
        "transportType": "websocket",
        "audioChannelType": "mixed",
        "contentType": "audio",
        "startMediaStreaming": True,
        "audioFormat": "pcm16KMono",
        "enableDtmfTones": False,
    }
    base, _, token = url.rpartition("/")
    assert base == "wss://streamer.example/media"
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    grant = decode_grant(document.content)
    assert (grant.call_connection_id, grant.correlation_id) == (call, correlation_id_of(event))
    kinds = await new_blobs.list_containers()
    assert kinds == ["calls", "grants", "idempotency"]
    (entry,) = await entries_of(clients.storage, call)
    assert (entry.action, entry.outcome, entry.principal) == ("answer_call", "done", SYSTEM)
    context = event["data"]["incomingCallContext"].encode()
    for blob in await new_blobs.list_paths():
        stored = await clients.storage.read(*blob.split("/", 1))
        assert stored is not None
        assert context not in stored.content


async def test_the_settings_decide_how_an_answered_call_is_streamed(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients(
        answer_channels="unmixed",
        answer_sample_rate=24_000,
        answer_start_streaming=False,
        transcription_locale="de-DE,en-US",
    )
    event = await acs.simulate_incoming_call()
    await handle_event(clients, event)
    call = await call_connection_id_of(acs, event)
    options = await acs.read_streaming_options(call, "answer")
    assert options["audioChannelType"] == "unmixed"
    assert options["audioFormat"] == "pcm24KMono"
    assert options["startMediaStreaming"] is False
    record = await read_record(clients.storage, call)
    assert (record.channels, record.sample_rate) == ("unmixed", 24_000)
    assert record.locales == ["de-DE", "en-US"]
    assert record.streaming.state == "inactive"


async def test_an_announced_call_is_not_streamed_from_its_beginning(
    create_clients: CreateClients, acs: Acs
) -> None:
    speech = "https://my-speech.cognitiveservices.azure.com"
    clients = create_clients(
        announcement="required",
        announcement_text="This call is recorded.",
        cognitive_services_endpoint=speech,
    )
    event = await acs.simulate_incoming_call()
    await handle_event(clients, event)
    call = await call_connection_id_of(acs, event)
    (answer,) = await acs.read_requests(call)
    assert answer["body"]["mediaStreamingOptions"]["startMediaStreaming"] is False
    assert answer["body"]["callIntelligenceOptions"] == {"cognitiveServicesEndpoint": speech}
    record = await read_record(clients.storage, call)
    assert record.start_streaming
    assert record.announcement is not None
    assert (record.announcement.policy, record.announcement.source) == ("required", "setting")


async def test_a_call_that_cannot_be_announced_keeps_ringing_where_that_is_required(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    event = await acs.simulate_incoming_call()
    await handle_event(create_clients(announcement="required"), event)
    assert logged_outcomes(caplog, event) == ["left no_announcement"]
    assert (await acs.read_incoming_call(event))["state"] == "ringing"


@pytest.mark.parametrize(
    ("setting", "to"),
    [(f"+15550000000, {CALLED}", CALLED), (f"4:{CALLED}", CALLED), (f"{CALLED},{USER}", USER)],
)
async def test_calls_to_listed_numbers_are_answered(
    create_clients: CreateClients, acs: Acs, setting: str, to: str
) -> None:
    event = await acs.simulate_incoming_call(to)
    await handle_event(create_clients(answer_calls=setting), event)
    assert (await acs.read_incoming_call(event))["state"] == "answered"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("off", "off"), ("+15550000000", "not_listed"), (CALLED[:-1], "not_listed")],
)
async def test_a_call_that_is_not_to_be_answered_keeps_ringing(
    create_clients: CreateClients,
    acs: Acs,
    caplog: pytest.LogCaptureFixture,
    setting: str,
    reason: str,
) -> None:
    clients = create_clients(answer_calls=setting)
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call()
    await handle_event(clients, event)
    assert logged_outcomes(caplog, event) == [f"left {reason}"]
    assert (await acs.read_incoming_call(event))["state"] == "ringing"
    assert await new_blobs.list_paths() == []
    assert acs.emulator.requests == {}, "not answered, and not rejected"


def test_answering_is_off_by_default() -> None:
    assert Settings().answer_calls == "off"
    assert not Settings().answers(f"4:{CALLED}")


async def test_an_event_that_is_too_old_is_left(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call(age_seconds=31)
    await handle_event(clients, event)
    assert logged_outcomes(caplog, event) == ["left too_old"]
    assert (await new_blobs.list_paths(), acs.count("POST answer")) == ([], 0)
    event = await acs.simulate_incoming_call(age_seconds=25)
    await handle_event(clients, event)
    assert (await acs.read_incoming_call(event))["state"] == "answered"


async def test_the_same_event_twice_answers_once(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    event = await acs.simulate_incoming_call()
    await handle_event(create_clients(), event)
    await handle_event(create_clients(), event)
    assert logged_outcomes(caplog, event) == ["answered -", "left claimed"]
    assert acs.count("POST answer") == 1


async def test_two_instances_at_the_same_time_answer_once(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture
) -> None:
    new_blobs = await NewBlobs.since_now(create_clients())
    event = await acs.simulate_incoming_call()
    await asyncio.gather(*(handle_event(create_clients(), event) for _ in range(5)))
    assert sorted(logged_outcomes(caplog, event)) == ["answered -", *["left claimed"] * 4]
    assert acs.count("POST answer") == 1
    assert len(await new_blobs.read_grants()) == 1


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(eventType="Microsoft.Communication.CallEnded"),
        lambda e: e.update(eventTime=None),
        lambda e: e.update(eventTime="2022-08-25T19:27:24"),
        lambda e: e.update(data=None),
        lambda e: e.update(data=[e["data"]]),
        lambda e: e.update(data="eyJ"),
        lambda e: e["data"].pop("incomingCallContext"),
        lambda e: e["data"].update(incomingCallContext=""),
        lambda e: e["data"].update(incomingCallContext=7),
        lambda e: e["data"].update(incomingCallContext="x" * MOST_INCOMING_CALL_BYTES),
        lambda e: e["data"].update(customContext={"x": "x" * MOST_INCOMING_CALL_BYTES}),
        lambda e: e["data"].pop("correlationId"),
        lambda e: e["data"].update(correlationId="a\nincoming_call outcome=answered"),
        lambda e: e["data"].update(correlationId="x" * 129),
        lambda e: e["data"].pop("to"),
        lambda e: e["data"]["to"].pop("rawId"),
        lambda e: e["data"]["to"].update(rawId="4:+1555123000\n"),
        lambda e: e["data"]["to"].update(rawId=""),
        lambda e: e["data"]["from"].update(rawId="4:" + "5" * 255),
        lambda e: e["data"]["from"].update(rawId="8:acs:\u2028x"),
    ],
)
async def test_a_malformed_event_is_logged_and_answers_no_call(
    create_clients: CreateClients, acs: Acs, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    clients = create_clients()
    new_blobs = await NewBlobs.since_now(clients)
    event = await acs.simulate_incoming_call()
    context = event["data"]["incomingCallContext"]
    change(event)
    await handle_event(clients, event)
    (line,) = (m for m in caplog.messages if m.startswith("request_refused "))
    assert line.startswith("request_refused entrance=incoming status=400 reason=malformed_event ")
    assert "\n" not in line
    assert context not in caplog.text
    assert not [m for m in caplog.messages if m.startswith("incoming_call ")]
    assert (await new_blobs.list_paths(), acs.count("POST answer")) == ([], 0)


async def test_a_caller_that_withholds_its_number_is_answered(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call(from_="4:anonymous")
    await handle_event(clients, event)
    record = await read_record(clients.storage, await call_connection_id_of(acs, event))
    assert record.from_ == "anonymous"


@pytest.mark.parametrize(
    "caller",
    [
        "28:45ab2481-1c1c-4005-be24-0ffb879b1130",
        "8:orgid:45ab2481-1c1c-4005-be24-0ffb879b1130",
        "48:conference",
        "8:acs:../calls/x",
    ],
)
async def test_a_caller_with_any_raw_id_is_answered(
    create_clients: CreateClients, acs: Acs, caller: str
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call(from_=caller)
    assert event["data"]["from"]["rawId"] == caller
    await handle_event(clients, event)
    call = await call_connection_id_of(acs, event)
    assert (await read_record(clients.storage, call)).from_ == caller


async def test_the_caller_s_display_name_is_kept(create_clients: CreateClients, acs: Acs) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call(display_name="John\nDoe")
    await handle_event(clients, event)
    record = await read_record(clients.storage, await call_connection_id_of(acs, event))
    assert record.names == {f"4:{CALLER}": "John Doe"}


@pytest.mark.parametrize("name", ["John\ud83d", 7, None, {"a": "b"}, "x" * 10_000])
async def test_an_odd_display_name_does_not_keep_a_call_from_being_answered(
    create_clients: CreateClients, acs: Acs, name: object
) -> None:
    event = await acs.simulate_incoming_call()
    event["data"]["callerDisplayName"] = name
    await handle_event(create_clients(), event)
    assert (await acs.read_incoming_call(event))["state"] == "answered"


async def test_the_event_s_own_time_decides_its_age(
    create_clients: CreateClients, acs: Acs
) -> None:
    clients = create_clients()
    event = await acs.simulate_incoming_call()
    late = datetime.now(UTC) + answering.RINGING_TIME + timedelta(seconds=1)
    await handle_event(clients, event, late)
    assert acs.count("POST answer") == 0
