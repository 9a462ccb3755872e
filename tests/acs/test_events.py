"""Callback events, in the form that the SDKs' own tests have."""

from __future__ import annotations

import json

import pytest

from acs import events
from acs.errors import MalformedEvent

STARTED = {
    "id": "d13c62c5-721e-44b9-a680-9866c33db7e7",
    "source": "calling/callConnections/4c1f5600-a9c6-4343-8979-b638a98de98f",
    "type": "Microsoft.Communication.MediaStreamingStarted",
    "data": {
        "eventSource": "calling/callConnections/4c1f5600",
        "operationContext": "startMediaStreamingContext",
        "resultInformation": {"code": 200, "subCode": 0, "message": "Action completed."},
        "mediaStreamingUpdate": {
            "contentType": "Audio",
            "mediaStreamingStatus": "mediaStreamingStarted",
            "mediaStreamingStatusDetails": "subscriptionStarted",
        },
        "version": "2024-06-15-preview",
        "callConnectionId": "4c1f5600",
        "serverCallId": "aHR0cHM6Ly9",
        "correlationId": "30f0ad34",
        "publicEventType": "Microsoft.Communication.MediaStreamingStarted",
    },
    "time": "2024-05-02T11:20:42.9110236+00:00",
    "specversion": "1.0",
    "datacontenttype": "application/json",
    "subject": "calling/callConnections/4c1f5600",
}


def test_an_event_with_seven_fractional_digits_and_unknown_members() -> None:
    decoded, faults = events.decode_callback_events(json.dumps([STARTED]).encode())
    assert not faults
    (event,) = decoded
    assert event.type == events.MEDIA_STREAMING_STARTED
    assert event.name == "MediaStreamingStarted"
    assert event.time.microsecond == 911_024, "the seventh digit is rounded"
    assert event.data.operation_context == "startMediaStreamingContext"
    assert event.data.media_streaming_update is not None
    assert event.data.media_streaming_update.media_streaming_status_details == "subscriptionStarted"
    assert event.data.result_information == events.ResultInformation(200, 0, "Action completed.")


def test_a_malformed_event_is_reported_and_the_others_are_decoded() -> None:
    body = json.dumps([STARTED, {"id": 1}, STARTED | {"data": {}}, STARTED]).encode()
    decoded, faults = events.decode_callback_events(body)
    assert len(decoded) == 2
    assert [fault.split(":")[0] for fault in faults] == ["event 1", "event 2"]
    assert "callConnectionId" in faults[1]


@pytest.mark.parametrize(
    "time", ["2024-05-02T11:20:42", "0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00", 7]
)
def test_a_time_that_does_not_exist_in_utc_is_a_fault(time: object) -> None:
    decoded, faults = events.decode_callback_events(json.dumps([STARTED | {"time": time}]).encode())
    assert (decoded, len(faults)) == ([], 1)


def test_an_event_that_is_nested_too_deeply_is_malformed() -> None:
    deep = b'[{"id":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"
    with pytest.raises(MalformedEvent):
        events.decode_callback_events(deep)


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"7", b"\xff", b"[" * 200_000])
def test_a_body_other_than_an_array_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        events.decode_callback_events(body)


# From communication-services-voice-video-events.md.
INCOMING = {
    "to": {
        "kind": "communicationUser",
        "rawId": "8:acs:to_user",
        "communicationUser": {"id": "8:acs:to_user"},
    },
    "from": {
        "kind": "phoneNumber",
        "rawId": "4:+15559990000",
        "phoneNumber": {"value": "+15559990000"},
    },
    "serverCallId": "aHR0cHM6Ly9jb252",
    "callerDisplayName": "John Doe",
    "incomingCallContext": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.e30.",
    "correlationId": "d732db64-4803-462d-be9c-518943ea2b7a",
}


def test_an_incoming_call_in_its_documented_form() -> None:
    call = events.read_incoming_call(INCOMING)
    assert (call.to.raw_id, call.from_.raw_id) == ("8:acs:to_user", "4:+15559990000")
    assert call.incoming_call_context == INCOMING["incomingCallContext"]
    assert call.correlation_id == INCOMING["correlationId"]
    assert call.caller_name == "John Doe"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", None),
        (None, None),
        (7, None),
        (["x"], None),
        (" \r\n\u2028 ", None),
        ("John\r\nDoe\u2028\x1b[2J", "John Doe [2J"),
        ("\u202eeoD nhoJ", "eoD nhoJ"),
        ("Zoë \U0001f600 \ud83d", "Zoë \U0001f600 ?"),
        ("x" * 300, "x" * 256),
    ],
)
def test_a_display_name_is_one_line_of_bounded_length(name: object, expected: str | None) -> None:
    assert events.read_incoming_call(INCOMING | {"callerDisplayName": name}).caller_name == expected


@pytest.mark.parametrize("raw_id", ["28:45ab2481", "4:45ab2481", "4:anonymous123", "48:x", "8:é"])
def test_an_incoming_call_from_anybody(raw_id: str) -> None:
    call = events.read_incoming_call(INCOMING | {"from": {"rawId": raw_id, "kind": "unknown"}})
    assert call.from_.raw_id == raw_id


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"incomingCallContext": None}, "$.incomingCallContext"),
        ({"correlationId": "two words"}, "$.correlationId"),
        ({"to": {"rawId": "4:secret\n"}}, "$.to.rawId"),
        ({"from": {"rawId": "4:secret" * 40}}, "$.from.rawId"),
        ({"from": {"kind": "unknown"}}, "$.from"),
        ({"customContext": {"sipHeaders": "x" * 70_000}}, "bytes"),
    ],
)
def test_a_malformed_incoming_call_is_reported_but_not_quoted(
    change: dict[str, object], place: str
) -> None:
    with pytest.raises(MalformedEvent) as refused:
        events.read_incoming_call(INCOMING | change)
    assert place in str(refused.value)
    assert "secret" not in str(refused.value)


def test_an_incoming_call_that_is_nested_too_deeply_is_malformed() -> None:
    deep: list[object] = []
    for _ in range(20_000):
        deep = [deep]
    for change in ({"customContext": deep}, {"to": deep}):
        with pytest.raises(MalformedEvent):
            events.read_incoming_call(INCOMING | change)
