"""The bodies of REST calls: what clients send is accepted, unknown values are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from local.emulator.requests import (
    CreateCallRequest,
    MediaStreamingOptions,
    communication_identifier,
)

OPTIONS = {
    "transportUrl": "wss://streamer.example/",
    "transportType": "websocket",
    "contentType": "audio",
    "audioChannelType": "unmixed",
}
CREATE = {"targets": [{"rawId": "4:+1555"}], "callbackUri": "https://app.example/"}


def options(**members: Any) -> MediaStreamingOptions:
    return msgspec.convert(OPTIONS | members, MediaStreamingOptions)


def test_the_audio_format_gives_the_sample_rate() -> None:
    assert options().sample_rate == 16_000
    assert options(audioFormat=None).sample_rate == 16_000
    assert options(audioFormat="pcm24KMono").sample_rate == 24_000


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
        options(**member)


def test_further_members_are_accepted() -> None:
    number = {"value": "+1666", "isAnonymous": False, "assertedId": None}
    more = {"sourceCallerIdNumber": number, "mediaStreamingOptions": OPTIONS | {"new": 1}}
    request = msgspec.convert(CREATE | more, CreateCallRequest)
    assert request.source_caller_id_number is not None
    assert request.source_caller_id_number.value == "+1666"


def test_a_call_needs_a_target() -> None:
    with pytest.raises(msgspec.ValidationError, match="targets"):
        msgspec.convert(CREATE | {"targets": []}, CreateCallRequest)


def test_raw_ids_become_identifiers() -> None:
    assert communication_identifier("4:+1555") == {
        "rawId": "4:+1555",
        "kind": "phoneNumber",
        "phoneNumber": {"value": "+1555"},
    }
    assert communication_identifier("8:acs:a_b")["kind"] == "communicationUser"
