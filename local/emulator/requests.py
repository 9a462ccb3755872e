"""The bodies of ACS's REST calls, as version 1.6.0 of Microsoft's clients sends them.

The clients are ``azure-communication-callautomation`` for Python and
``@azure/communication-call-automation`` for JavaScript.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from azure.communication.callautomation._shared.models import identifier_from_raw_id
from azure.communication.callautomation._utils import serialize_identifier

from acs.media import SAMPLE_RATES


class MediaStreamingOptions(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``mediaStreamingOptions`` of a create or answer request. Other values are refused."""

    transport_url: str
    transport_type: Literal["websocket"]
    content_type: Literal["audio"]
    audio_channel_type: Literal["mixed", "unmixed"]
    start_media_streaming: bool | None = False
    audio_format: Literal["pcm16KMono", "pcm24KMono"] | None = None
    enable_bidirectional: bool | None = False
    enable_dtmf_tones: bool | None = False

    @property
    def sample_rate(self) -> int:
        """Samples per second; without ``audioFormat`` 16,000."""
        return SAMPLE_RATES[self.audio_format or "pcm16KMono"]


class PhoneNumber(msgspec.Struct, frozen=True):
    """A phone number in a request; clients send further members, such as ``isAnonymous``."""

    value: str


class Target(msgspec.Struct, rename="camel", frozen=True):
    """A communication identifier in a request; the client does not send its kind."""

    raw_id: str


class CallIntelligenceOptions(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """``callIntelligenceOptions``: the Azure AI resource that speaks texts in the call."""

    cognitive_services_endpoint: str | None = None


class CreateCallRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections``."""

    targets: Annotated[list[Target], msgspec.Meta(min_length=1)]
    callback_uri: str
    operation_context: str | None = None
    source_caller_id_number: PhoneNumber | None = None
    media_streaming_options: MediaStreamingOptions | None = None
    call_intelligence_options: CallIntelligenceOptions | None = None


class AnswerCallRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of ``POST /calling/callConnections:answer``."""

    incoming_call_context: str
    callback_uri: str
    operation_context: str | None = None
    media_streaming_options: MediaStreamingOptions | None = None
    call_intelligence_options: CallIntelligenceOptions | None = None


class StreamingRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of a request to start or stop media streaming."""

    operation_callback_uri: str | None = None
    operation_context: str | None = None


class FileSource(msgspec.Struct, rename="camel", frozen=True):
    """An audio file to play."""

    uri: str


class TextSource(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A text to speak."""

    text: Annotated[str, msgspec.Meta(min_length=1)]
    source_locale: str | None = None
    voice_name: str | None = None


class PlaySource(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What to play: the member of the name of its ``kind``. SSML is not emulated."""

    kind: Literal["file", "text"]
    file: FileSource | None = None
    text: TextSource | None = None

    def __post_init__(self) -> None:
        if getattr(self, self.kind) is None:
            raise ValueError(f"a source of kind {self.kind} has no member {self.kind}")


class PlayRequest(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """The body of a request to play prompts; without ``play_to``, to all participants."""

    play_sources: Annotated[list[PlaySource], msgspec.Meta(min_length=1)]
    play_to: list[Target] = []
    operation_context: str | None = None
    operation_callback_uri: str | None = None


def communication_identifier(raw_id: str) -> dict[str, Any]:
    """A raw id as a CommunicationIdentifierModel, of the kind that the SDK gives it."""
    if raw_id.startswith("4:"):
        return {"rawId": raw_id, "kind": "phoneNumber", "phoneNumber": {"value": raw_id[2:]}}
    model = serialize_identifier(identifier_from_raw_id(raw_id)).serialize()
    kind = next((member for member in model if member != "rawId"), "unknown")
    return {**model, "kind": kind}
