"""The streamer's settings: one table, read from the environment and shown by ``--help``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

import configuration
from acs.tokens import ISSUER, OPENID_CONFIGURATION_URL
from configuration import SettingsError, doc

Check = Literal["require", "warn", "off"]
TokenCheck = Literal["require", "learn", "warn", "off"]

_MEBIBYTE = 1024 * 1024


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; the environment variable is the field's name in capitals."""

    host: Annotated[str, doc("the address to listen on")] = "127.0.0.1"
    port: Annotated[int, doc("the port to listen on; 0: any free port", ge=0, le=65535)] = 8765
    metrics_port: Annotated[
        int,
        doc(
            "a port of their own for /healthz, /readyz and /metrics; 0: they are on PORT",
            ge=0,
            le=65535,
        ),
    ] = 0
    audio_storage_connection_string: Annotated[
        str, doc("connection string of the Blob Storage to write to (local development only)")
    ] = ""
    audio_storage_blob_service_uri: Annotated[
        str,
        doc("URL of the Blob Storage to write to with a managed identity, https://ACCOUNT.blob..."),
    ] = ""
    azure_client_id: Annotated[
        str, doc("client id of the user-assigned managed identity; empty: system-assigned")
    ] = ""
    segment_seconds: Annotated[float, doc("length of a segment", ge=1, le=3600)] = 30.0
    segment_pause_window_seconds: Annotated[
        float,
        doc(
            "cut segments at the quietest place within this much of their end; 0: at their end",
            ge=0,
        ),
    ] = 0.0
    timestamp_tolerance_ms: Annotated[
        int,
        doc(
            "a timestamp may differ this much from a frame's place and still be jitter",
            ge=10,
            le=1000,
        ),
    ] = 60
    max_jump_seconds: Annotated[
        float,
        doc("a longer gap starts a new segment instead of being filled with silence", ge=1, le=600),
    ] = 10.0
    media_speed: Annotated[
        float,
        doc("how much faster than real time senders run; 1 but in tests and demos; 0: any", ge=0),
    ] = 1.0
    flush_seconds: Annotated[
        float, doc("how often frames are written to the spool", ge=0.1, le=10)
    ] = 1.0
    spool_dir: Annotated[str, doc("folder that holds audio until it is uploaded")] = "spool"
    spool_max_bytes: Annotated[int, doc("most audio that the spool may hold", ge=_MEBIBYTE)] = (
        8192 * _MEBIBYTE
    )
    spool_refuse_percent: Annotated[
        int, doc("new streams are refused while the spool is this full", ge=1, le=100)
    ] = 80
    spool_max_age_seconds: Annotated[
        float, doc("/readyz reports a backlog when an upload has waited longer", ge=1)
    ] = 900.0
    upload_concurrency: Annotated[int, doc("uploads at the same time", ge=1, le=64)] = 4
    upload_timeout_seconds: Annotated[
        float, doc("longest wait for the response to an upload", ge=1)
    ] = 30.0
    read_batch_ms: Annotated[
        int, doc("frames are read in batches of this much audio; 0: one by one", ge=0, le=500)
    ] = 80
    max_streams: Annotated[
        int, doc("streams at the same time; more are refused with 503", ge=1)
    ] = 400
    max_streams_per_grant: Annotated[
        int, doc("streams of one call's grant at the same time; more are refused with 429", ge=1)
    ] = 4
    max_connections: Annotated[
        int,
        doc("connections at once; never more than half of the process's file descriptors", ge=1),
    ] = 2000
    max_tracks: Annotated[
        int, doc("tracks of a stream at once; the one idle longest makes room for another", ge=1)
    ] = 32
    max_message_bytes: Annotated[
        int, doc("largest WebSocket message; 64 KiB of audio is 88 KB of JSON", ge=2048)
    ] = 131_072
    max_malformed_packets: Annotated[
        int, doc("malformed packets in a row after which a stream is closed", ge=0)
    ] = 50
    handshake_timeout_seconds: Annotated[float, doc("longest time for a whole handshake", gt=0)] = (
        10.0
    )
    first_packet_timeout_seconds: Annotated[
        float, doc("longest time from the handshake to the first packet", gt=0)
    ] = 15.0
    idle_timeout_seconds: Annotated[float, doc("longest time without any packet", gt=0)] = 300.0
    ping_interval_seconds: Annotated[
        float, doc("how often an idle peer is pinged, and how long it may take to answer", gt=0)
    ] = 20.0
    drain_grace_seconds: Annotated[
        float, doc("how long open streams may go on after SIGTERM", ge=0)
    ] = 540.0
    drain_upload_seconds: Annotated[
        float, doc("how long uploads may take after that; the rest stays in the spool", ge=0)
    ] = 45.0
    token_check: Annotated[
        TokenCheck, doc("check of ACS's bearer token: require, learn, warn or off")
    ] = "require"
    grant_check: Annotated[Check, doc("check of the URL's stream token: require, warn or off")] = (
        "require"
    )
    # Microsoft does not document that the two are the same, and a wrong guess would refuse calls.
    correlation_check: Annotated[
        Check, doc("check of the correlation id against the grant's: require, warn or off")
    ] = "warn"
    acs_token_issuer: Annotated[str, doc("issuer of ACS's tokens")] = ISSUER
    acs_token_jwks_url: Annotated[
        str, doc("URL of the keys, or OpenID configuration, of ACS's tokens")
    ] = OPENID_CONFIGURATION_URL
    acs_token_audience: Annotated[
        str, doc("immutable id of the ACS resource, the audience of ACS's tokens")
    ] = ""
    callback_token_seconds: Annotated[
        float,
        doc(
            "lifetime of ACS's tokens on callback events: a token must live longer to open a "
            "media WebSocket; 0: any does",
            ge=0,
        ),
    ] = 300.0
    stats_log_seconds: Annotated[
        float, doc("how often statistics are logged, for alerts", gt=0)
    ] = 60.0
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        doc("lowest level that is logged to standard error"),
    ] = "info"


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings from the environment. Raises SettingsError, which lists every fault."""
    values, faults = configuration.read(Settings, environment)
    settings = Settings(**values)
    faults += _check_consistency(settings)
    if configuration.in_azure(environment):
        faults += _check_azure(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _check_azure(settings: Settings) -> list[str]:
    """Return the faults of settings that are for local development only."""
    faults = []
    if settings.audio_storage_connection_string:
        faults.append(
            "AUDIO_STORAGE_CONNECTION_STRING: holds a key; in Azure, set "
            "AUDIO_STORAGE_BLOB_SERVICE_URI"
        )
    if settings.acs_token_jwks_url.startswith("http://"):
        faults.append("ACS_TOKEN_JWKS_URL: must begin with https:// in Azure")
    return faults


def _check_consistency(settings: Settings) -> list[str]:
    faults = []
    storages = (settings.audio_storage_connection_string, settings.audio_storage_blob_service_uri)
    if sum(map(bool, storages)) != 1:
        faults.append(
            "set either AUDIO_STORAGE_BLOB_SERVICE_URI or AUDIO_STORAGE_CONNECTION_STRING"
        )
    if settings.token_check != "off" and not settings.acs_token_audience:
        faults.append(
            "ACS_TOKEN_AUDIENCE: set it to the ACS resource's immutable id (or TOKEN_CHECK=off)"
        )
    if settings.token_check == "learn" and settings.grant_check != "require":
        faults.append("TOKEN_CHECK: learn needs GRANT_CHECK=require")
    if 2 * settings.segment_pause_window_seconds >= settings.segment_seconds:
        faults.append("SEGMENT_PAUSE_WINDOW_SECONDS: must be less than half of SEGMENT_SECONDS")
    return faults
