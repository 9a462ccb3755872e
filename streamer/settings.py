"""The streamer's settings: one table, read from the environment, told by ``--help``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from acs.tokens import ISSUER, OPENID_CONFIGURATION_URL

Check = Literal["require", "warn", "off"]

_MEBIBYTE = 1024 * 1024


class SettingsError(ValueError):
    """Raised when settings are missing or wrong; the text lists every fault, a line each."""


def _doc(text: str, **bounds: Any) -> Meta:
    return Meta(description=text, **bounds)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; the environment variable is the field's name in capitals."""

    host: Annotated[str, _doc("the address to listen on")] = "127.0.0.1"
    port: Annotated[int, _doc("the port to listen on; 0 takes a free one", ge=0, le=65535)] = 8765
    audio_storage_connection_string: Annotated[
        str, _doc("connection string of the Blob Storage to write to (a laptop's only)")
    ] = ""
    audio_storage_blob_service_uri: Annotated[
        str, _doc("Blob Storage to write to by managed identity, https://ACCOUNT.blob.core...")
    ] = ""
    azure_client_id: Annotated[
        str, _doc("client id of the user-assigned managed identity; empty: system-assigned")
    ] = ""
    segment_seconds: Annotated[float, _doc("length of a segment", ge=1, le=3600)] = 30.0
    segment_pause_window_seconds: Annotated[
        float, _doc("cut at the quietest place within this much of the length; 0: at it", ge=0)
    ] = 0.0
    timestamp_tolerance_ms: Annotated[
        int, _doc("a frame stamped within this much follows on directly", ge=10, le=1000)
    ] = 60
    max_jump_seconds: Annotated[
        float, _doc("a longer gap starts a new segment instead of silence", ge=1, le=600)
    ] = 10.0
    flush_seconds: Annotated[
        float, _doc("how often frames are handed to the spool's files", ge=0.1, le=10)
    ] = 1.0
    spool_dir: Annotated[str, _doc("where audio is kept until Blob Storage has it")] = "spool"
    spool_max_bytes: Annotated[int, _doc("most that the spool may hold", ge=_MEBIBYTE)] = (
        8192 * _MEBIBYTE
    )
    spool_refuse_percent: Annotated[
        int, _doc("new streams are refused when the spool is this full", ge=1, le=100)
    ] = 80
    spool_max_age_seconds: Annotated[
        float, _doc("/readyz tells of a backlog when the oldest upload waits longer", ge=1)
    ] = 900.0
    upload_concurrency: Annotated[int, _doc("uploads at a time", ge=1, le=64)] = 4
    upload_timeout_seconds: Annotated[float, _doc("for one upload's answer", ge=1)] = 30.0
    max_streams: Annotated[int, _doc("streams at a time; more are refused with 503", ge=1)] = 400
    max_tracks: Annotated[int, _doc("tracks of one stream", ge=1)] = 32
    max_message_bytes: Annotated[int, _doc("size of one WebSocket message", ge=2048)] = 65_536
    max_malformed_packets: Annotated[
        int, _doc("malformed packets of one stream before it is closed", ge=0)
    ] = 50
    handshake_timeout_seconds: Annotated[float, _doc("for a whole handshake", gt=0)] = 10.0
    first_packet_timeout_seconds: Annotated[
        float, _doc("from the handshake to the first packet", gt=0)
    ] = 15.0
    idle_timeout_seconds: Annotated[float, _doc("without any packet", gt=0)] = 300.0
    ping_interval_seconds: Annotated[
        float, _doc("an idle peer is pinged this often, and gone if it is silent as long", gt=0)
    ] = 20.0
    drain_grace_seconds: Annotated[
        float, _doc("after SIGTERM, running streams may go on this long", ge=0)
    ] = 540.0
    drain_upload_seconds: Annotated[
        float, _doc("after that, uploads may take this long; the rest stays in the spool", ge=0)
    ] = 45.0
    token_check: Annotated[Check, _doc("ACS's bearer token: require, warn or off")] = "require"
    grant_check: Annotated[Check, _doc("the URL's stream token: require, warn or off")] = "require"
    acs_token_issuer: Annotated[str, _doc("issuer of ACS's tokens")] = ISSUER
    acs_token_jwks_url: Annotated[
        str, _doc("key set, or OpenID configuration, of ACS's tokens")
    ] = OPENID_CONFIGURATION_URL
    acs_token_audience: Annotated[
        str, _doc("immutable id of the ACS resource, as ACS's tokens name it")
    ] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], _doc("what is logged to standard error")
    ] = "info"


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError with every fault at once."""
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, hint in hints.items():
        text = environment.get(name.upper())
        if text is None or text == "":
            continue
        try:
            values[name] = msgspec.convert(text, hint, strict=False)
        except msgspec.ValidationError as error:
            faults.append(f"{name.upper()}: {error}")
    settings = Settings(**values)
    faults += _contradictions(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _contradictions(settings: Settings) -> list[str]:
    faults = []
    storages = (settings.audio_storage_connection_string, settings.audio_storage_blob_service_uri)
    if sum(map(bool, storages)) != 1:
        faults.append(
            "set one of AUDIO_STORAGE_BLOB_SERVICE_URI and AUDIO_STORAGE_CONNECTION_STRING"
        )
    if settings.token_check != "off" and not settings.acs_token_audience:
        faults.append(
            "ACS_TOKEN_AUDIENCE: set it to the ACS resource's immutable id (or TOKEN_CHECK=off)"
        )
    if 2 * settings.segment_pause_window_seconds >= settings.segment_seconds:
        faults.append("SEGMENT_PAUSE_WINDOW_SECONDS: must be less than half of SEGMENT_SECONDS")
    return faults


def table() -> list[tuple[str, str, str]]:
    """Every setting as (environment variable, default, what it is), for help and documents."""
    rows = []
    for field in msgspec.structs.fields(Settings):
        hint = get_type_hints(Settings, include_extras=True)[field.name]
        meta = next(arg for arg in get_args(hint) if isinstance(arg, Meta))
        assert get_origin(hint) is Annotated
        rows.append((field.name.upper(), str(field.default), meta.description or ""))
    return rows
