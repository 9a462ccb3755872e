"""ACS's request bodies, as Microsoft's client library writes them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from azure.communication.callautomation import MediaStreamingOptions
from azure.communication.callautomation._generated import models

from local.emulator import requests
from local.emulator.requests import communication_identifier

STREAMING = MediaStreamingOptions(
    transport_url="wss://streamer.example/media/token",
    transport_type="websocket",
    content_type="audio",
    audio_channel_type="unmixed",
    start_media_streaming=True,
    audio_format="pcm24KMono",
)


OPTIONS = {
    "transportUrl": "wss://streamer.example/media/token",
    "transportType": "websocket",
    "contentType": "audio",
    "audioChannelType": "unmixed",
}


def convert_options(**members: Any) -> requests.MediaStreamingOptions:
    return msgspec.convert(OPTIONS | members, requests.MediaStreamingOptions)


def encode(model: Any) -> bytes:
    return json.dumps(model.serialize()).encode()


def test_the_request_to_place_a_call() -> None:
    body = models.CreateCallRequest(
        targets=[models.CommunicationIdentifierModel(raw_id="4:+15551230000")],
        callback_uri="https://app.example/api/v1/callbacks",
        source_caller_id_number=models.PhoneNumberIdentifierModel(value="+15559990000"),
        media_streaming_options=STREAMING._to_generated(),  # type: ignore[no-untyped-call]
    )
    request = msgspec.json.decode(encode(body), type=requests.CreateCallRequest)
    assert [target.raw_id for target in request.targets] == ["4:+15551230000"]
    assert request.source_caller_id_number == requests.PhoneNumber("+15559990000")
    assert request.operation_context is None
    streaming = request.media_streaming_options
    assert streaming is not None
    assert streaming.transport_url == "wss://streamer.example/media/token"
    assert (streaming.audio_channel_type, streaming.audio_format) == ("unmixed", "pcm24KMono")
    assert (streaming.start_media_streaming, streaming.enable_bidirectional) == (True, False)


def test_the_request_to_answer_a_call() -> None:
    body = models.AnswerCallRequest(
        incoming_call_context="context",
        callback_uri="https://app.example/api/v1/callbacks",
        operation_context="ours",
    )
    request = msgspec.json.decode(encode(body), type=requests.AnswerCallRequest)
    assert (request.incoming_call_context, request.operation_context) == ("context", "ours")
    assert request.media_streaming_options is None


def test_the_request_to_start_streaming() -> None:
    body = models.StartMediaStreamingRequest(operation_context="ours")
    request = msgspec.json.decode(encode(body), type=requests.StreamingRequest)
    assert (request.operation_context, request.operation_callback_uri) == ("ours", None)


def test_a_body_without_a_callback_uri_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="callbackUri"):
        msgspec.json.decode(b'{"targets": [{"rawId": "x"}]}', type=requests.CreateCallRequest)


def test_raw_ids_have_their_kind() -> None:
    assert communication_identifier("4:+15551230000") == {
        "rawId": "4:+15551230000",
        "kind": "phoneNumber",
        "phoneNumber": {"value": "+15551230000"},
    }
    assert communication_identifier("8:acs:a_b") == {
        "rawId": "8:acs:a_b",
        "kind": "communicationUser",
        "communicationUser": {"id": "8:acs:a_b"},
    }
    assert communication_identifier("8:gcch:a") == {
        "rawId": "8:gcch:a",
        "kind": "microsoftTeamsUser",
        "microsoftTeamsUser": {"userId": "a", "isAnonymous": False, "cloud": "GCCH"},
    }
    assert communication_identifier("28:a") == {"rawId": "28:a", "kind": "unknown"}


def test_the_audio_format_gives_the_sample_rate() -> None:
    assert convert_options().sample_rate == 16_000
    assert convert_options(audioFormat=None).sample_rate == 16_000
    assert convert_options(audioFormat="pcm24KMono").sample_rate == 24_000


@pytest.mark.parametrize(
    "member",
    [
        {"audioFormat": "pcm8KMono"},
        {"audioChannelType": "stereo"},
        {"contentType": "video"},
        {"transportType": "tcp"},
        {"transportUrl": None},
    ],
)
def test_unknown_options_are_refused(member: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(member))):
        convert_options(**member)


def test_further_members_are_accepted() -> None:
    body = {
        "targets": [{"rawId": "4:+15551230000", "kind": "phoneNumber"}],
        "callbackUri": "https://app.example/",
        "sourceCallerIdNumber": {"value": "+1666", "isAnonymous": False, "assertedId": None},
        "mediaStreamingOptions": OPTIONS | {"new": 1},
    }
    request = msgspec.convert(body, requests.CreateCallRequest)
    assert request.source_caller_id_number == requests.PhoneNumber("+1666")


def test_a_call_needs_a_target() -> None:
    with pytest.raises(msgspec.ValidationError, match="targets"):
        msgspec.convert({"targets": [], "callbackUri": ""}, requests.CreateCallRequest)
