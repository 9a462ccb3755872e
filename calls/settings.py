"""The function app's settings: one table, read from the environment (its app settings)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

import configuration
from acs.identifiers import is_phone_number, is_raw_id, phone_number_raw_id
from acs.tokens import ISSUER, OPENID_CONFIGURATION_URL
from configuration import SettingsError, doc

Channels = Literal["mixed", "unmixed"]
Check = Literal["require", "warn", "off"]
Recording = Literal["wav", "flac"]
SampleRate = Literal[16_000, 24_000]
Transcription = Literal["off", "local", "azure"]

SPELLED = {
    # The Functions host reads these two itself, for the blob triggers' connection.
    "audio_storage": "AudioStorage",
    "audio_storage_blob_service_uri": "AudioStorage__blobServiceUri",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; the environment variable is the field's name in capitals, or as spelled."""

    audio_storage: Annotated[
        str, doc("connection string of the Blob Storage (a laptop's only)")
    ] = ""
    audio_storage_blob_service_uri: Annotated[
        str, doc("Blob Storage to use by managed identity, https://ACCOUNT.blob.core...")
    ] = ""
    azure_client_id: Annotated[
        str, doc("client id of the user-assigned managed identity; empty: system-assigned")
    ] = ""
    acs_endpoint: Annotated[str, doc("endpoint of the ACS resource")] = ""
    acs_access_key: Annotated[
        str, doc("access key of the ACS resource (a laptop's only); empty: managed identity")
    ] = ""
    acs_connection_timeout_seconds: Annotated[float, doc("to connect to ACS", gt=0, le=60)] = 5.0
    acs_read_timeout_seconds: Annotated[float, doc("for ACS's answer", gt=0, le=200)] = 20.0
    callback_url: Annotated[
        str, doc("this app's public address; ACS posts callback events to /api/callbacks there")
    ] = ""
    streamer_url: Annotated[
        str, doc("the streamer's public address, wss://...; ACS streams to /media/ there")
    ] = ""
    answer_calls: Annotated[
        str, doc("incoming calls to answer: off, all, or those to these numbers and raw ids: a,b")
    ] = "off"
    answer_channels: Annotated[
        Channels, doc("how an answered call is streamed: mixed or unmixed")
    ] = "mixed"
    answer_sample_rate: Annotated[
        SampleRate, doc("of an answered call's audio: 16000 or 24000")
    ] = 16_000
    answer_start_streaming: Annotated[
        bool, doc("whether an answered call is streamed at once: true or false")
    ] = True
    link_seconds: Annotated[int, doc("how long a link to audio opens it", ge=60, le=3600)] = 600
    callback_token_check: Annotated[
        Check, doc("ACS's bearer token on callback events: require, warn or off")
    ] = "require"
    callback_ids_check: Annotated[
        Check, doc("a callback event's ids against its call's record: require, warn or off")
    ] = "require"
    callback_token_seconds: Annotated[
        float, doc("longest that ACS's token on callback events may live; 0: any time", ge=0)
    ] = 300.0
    acs_token_issuer: Annotated[str, doc("issuer of ACS's tokens")] = ISSUER
    acs_token_jwks_url: Annotated[str, doc("key set, or OpenID configuration, of ACS's tokens")] = (
        OPENID_CONFIGURATION_URL
    )
    acs_token_audience: Annotated[
        str, doc("immutable id of the ACS resource, as ACS's tokens name it")
    ] = ""
    recording_format: Annotated[Recording, doc("of the calls' recordings: wav or flac")] = "wav"
    transcription: Annotated[
        Transcription, doc("speech to text: off, local (Whisper) or azure (Azure AI Speech)")
    ] = "off"
    transcription_locale: Annotated[str, doc("language of the calls, as en-US", min_length=2)] = (
        "en-US"
    )
    transcription_retry_seconds: Annotated[
        float, doc("until a failed passage is tried again, then twice as long", ge=0, le=60)
    ] = 2.0
    speech_endpoint: Annotated[
        str, doc("endpoint of the Azure AI Speech resource, with its own subdomain")
    ] = ""
    speech_key: Annotated[
        str, doc("key of the Azure AI Speech resource (a laptop's only); empty: managed identity")
    ] = ""
    whisper_model: Annotated[str, doc("folder of a CTranslate2 Whisper model, for local")] = ""
    reconcile_hours: Annotated[
        int, doc("how far back the reconciler looks for calls to mend", ge=1, le=720)
    ] = 48
    reconcile_after_seconds: Annotated[
        int, doc("a segment this old without an analysis is analysed by the reconciler", ge=0)
    ] = 300
    partial_after_seconds: Annotated[
        int, doc("a call this long without news is put together from what is there", ge=0)
    ] = 1800

    def answers(self, raw_id: str) -> bool:
        """Whether calls to this raw id are to be answered."""
        return self.answer_calls == "all" or raw_id in _raw_ids(self.answer_calls)


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError with every fault at once."""
    values, faults = configuration.read(Settings, environment, SPELLED)
    settings = Settings(**values)
    if bool(settings.audio_storage) == bool(settings.audio_storage_blob_service_uri):
        faults.append("set one of AudioStorage__blobServiceUri and AudioStorage")
    required = {"ACS_ENDPOINT": settings.acs_endpoint, "CALLBACK_URL": settings.callback_url}
    required["STREAMER_URL"] = settings.streamer_url
    faults += [f"{name}: is not set" for name, value in required.items() if not value]
    if settings.streamer_url and not settings.streamer_url.startswith(("ws://", "wss://")):
        faults.append("STREAMER_URL: must begin with wss:// (ws:// on a laptop)")
    if settings.answer_calls not in ("off", "all"):
        faults += [
            f"ANSWER_CALLS: {entry!r} is neither off, all, a phone number (E.164) nor a raw id"
            for entry in _raw_ids(settings.answer_calls)
            if not is_raw_id(entry)
        ]
    if configuration.in_azure(environment):
        faults += _only_for_a_laptop(settings)
    if settings.callback_token_check != "off" and not settings.acs_token_audience:
        faults.append(
            "ACS_TOKEN_AUDIENCE: set it to the ACS resource's immutable id "
            "(or CALLBACK_TOKEN_CHECK=off)"
        )
    if settings.transcription == "azure" and not settings.speech_endpoint:
        faults.append("SPEECH_ENDPOINT: is not set, and TRANSCRIPTION is azure")
    if settings.transcription == "local" and not settings.whisper_model:
        faults.append("WHISPER_MODEL: is not set, and TRANSCRIPTION is local")
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _raw_ids(answer_calls: str) -> list[str]:
    """The raw ids that ANSWER_CALLS lists; phone numbers are written without their prefix."""
    entries = [entry.strip() for entry in answer_calls.split(",")]
    return [phone_number_raw_id(e) if is_phone_number(e) else e for e in entries]


def _only_for_a_laptop(settings: Settings) -> list[str]:
    faults = []
    if settings.audio_storage:
        faults.append("AudioStorage: holds a key; in Azure, set AudioStorage__blobServiceUri")
    if settings.acs_access_key:
        faults.append("ACS_ACCESS_KEY: in Azure, the managed identity is used; remove it")
    if settings.speech_key:
        faults.append("SPEECH_KEY: in Azure, the managed identity is used; remove it")
    if settings.streamer_url.startswith("ws://"):
        faults.append("STREAMER_URL: must begin with wss:// in Azure")
    if settings.callback_url.startswith("http://"):
        faults.append("CALLBACK_URL: must begin with https:// in Azure")
    if settings.acs_token_jwks_url.startswith("http://"):
        faults.append("ACS_TOKEN_JWKS_URL: must begin with https:// in Azure")
    return faults
