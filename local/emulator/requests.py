"""The bodies of ACS's REST calls, as ``azure-communication-callautomation`` 1.6.0 sends them."""

from __future__ import annotations

from typing import Any

import msgspec


class MediaStreamingOptions(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``mediaStreamingOptions`` of a create or answer request."""

    transport_url: str
    transport_type: str
    content_type: str
    audio_channel_type: str
    start_media_streaming: bool = False
    audio_format: str = "pcm16KMono"
    enable_bidirectional: bool = False
    enable_dtmf_tones: bool = False


class Target(msgspec.Struct, rename="camel", frozen=True):
    """A communication identifier in a request; the client does not send its kind."""

    raw_id: str


class CreateCallRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections``."""

    targets: list[Target]
    callback_uri: str
    operation_context: str | None = None
    source_caller_id_number: dict[str, str] | None = None
    media_streaming_options: MediaStreamingOptions | None = None


class AnswerCallRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections:answer``."""

    incoming_call_context: str
    callback_uri: str
    operation_context: str | None = None
    media_streaming_options: MediaStreamingOptions | None = None


class StreamingRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of a request to start or stop media streaming."""

    operation_callback_uri: str | None = None
    operation_context: str | None = None


def communication_identifier(raw_id: str) -> dict[str, Any]:
    """A raw id as a CommunicationIdentifierModel: ``4:`` begins a phone number's."""
    if raw_id.startswith("4:"):
        return {"rawId": raw_id, "kind": "phoneNumber", "phoneNumber": {"value": raw_id[2:]}}
    return {"rawId": raw_id, "kind": "communicationUser", "communicationUser": {"id": raw_id}}
