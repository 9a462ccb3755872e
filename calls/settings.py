"""The function app's settings: one table, read from its environment (the app settings)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec

import configuration
from acs.identifiers import is_phone_number, is_raw_id, one_line, phone_number_raw_id
from acs.tokens import ISSUER, OPENID_CONFIGURATION_URL
from calls.destinations import parse_entries
from calls.locales import parse_locale, parse_setting
from calls.outgoing_urls import COGNITIVE_SERVICES_HOSTS, is_endpoint_of, is_file_of, parse_hosts
from calls.webhook_settings import Addresses, permits_call_webhook, webhook_faults
from configuration import SettingsError, doc
from contract.grants import DtmfMode

Authentication = Literal["keys", "entra"]
Channels = Literal["mixed", "unmixed"]
Check = Literal["require", "warn", "off"]
TokenCheck = Literal["require", "learn", "warn", "off"]
RecordingFormat = Literal["wav", "flac"]
SampleRate = Literal[16_000, 24_000]
Transcription = Literal["off", "local", "azure"]
Search = Literal["off", "local", "azure"]

SPELLED = {
    # The Functions host reads these itself, for the connection of the triggers.
    "audio_storage": "AudioStorage",
    "audio_storage_blob_service_uri": "AudioStorage__blobServiceUri",
    "audio_storage_queue_service_uri": "AudioStorage__queueServiceUri",
}


_RAW_ID_PREFIX = re.compile(r"[0-9]+:", re.ASCII)
"""What a raw id begins with. Others would be read, but here they are typing errors."""


MAX_ANNOUNCEMENT_CHARACTERS = 1024
VOICE_PATTERN = "[A-Za-z0-9][A-Za-z0-9:_-]{0,99}"
"""The name of a voice, such as ``en-US-AvaMultilingualNeural``."""

_VOICE = re.compile(VOICE_PATTERN, re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting. The environment variable is the field's name in capitals, or as in SPELLED."""

    audio_storage: Annotated[str, doc("connection string of Blob Storage (local only)")] = ""
    audio_storage_blob_service_uri: Annotated[
        str, doc("Blob Storage to use with managed identity, https://ACCOUNT.blob.core...")
    ] = ""
    audio_storage_queue_service_uri: Annotated[
        str, doc("Queue Storage of the same account, https://ACCOUNT.queue.core...")
    ] = ""
    azure_client_id: Annotated[
        str, doc("client id of the user-assigned managed identity; empty: system-assigned")
    ] = ""
    authentication: Annotated[
        Authentication,
        doc("who requests come from: keys (function keys) or entra (App Service Authentication)"),
    ] = "keys"
    function_keys: Annotated[
        str,
        doc(
            "function keys by role, NAME=SHA256,...: NAME is Caller, Listener, Auditor or Admin, "
            "or begins with one (Caller-crm); empty: every key may do everything"
        ),
    ] = ""
    website_auth_enabled: Annotated[
        bool, doc("set by App Service where its authentication is on; entra refuses all without it")
    ] = False
    console_lock_minutes: Annotated[
        int, doc("minutes without input after which the console locks; 0: never", ge=0, le=1440)
    ] = 15
    acs_endpoint: Annotated[str, doc("endpoint of the ACS resource")] = ""
    acs_access_key: Annotated[
        str, doc("access key of the ACS resource (local only); empty: managed identity")
    ] = ""
    acs_connection_timeout_seconds: Annotated[
        float, doc("timeout for connecting to ACS", gt=0, le=60)
    ] = 5.0
    acs_read_timeout_seconds: Annotated[float, doc("timeout for ACS's answer", gt=0, le=200)] = 20.0
    callback_url: Annotated[
        str, doc("this app's public address; ACS posts callback events to /api/v1/callbacks there")
    ] = ""
    streamer_url: Annotated[
        str, doc("the streamer's public address, wss://...; ACS streams to /media/ there")
    ] = ""
    allowed_destinations: Annotated[
        str,
        doc(
            "who may be called: off, or a list of prefixes of numbers and raw ids: +49,8:acs:; "
            "premium-rate, satellite and emergency numbers need an entry with their own prefix"
        ),
    ] = "+,8:,28:"
    max_concurrent_calls: Annotated[
        int, doc("most calls that one principal may have at a time; 0: no limit", ge=0, le=1000)
    ] = 10
    max_calls_per_day: Annotated[
        int, doc("most calls that one principal may place on a day (UTC); 0: no limit", ge=0)
    ] = 200
    max_call_minutes: Annotated[
        int, doc("minutes after which the app hangs up a call; 0: never", ge=0)
    ] = 240
    answer_calls: Annotated[
        str,
        doc("incoming calls to answer: off, all, or a list of called numbers and raw ids: a,b"),
    ] = "off"
    answer_channels: Annotated[Channels, doc("channels of an answered call: mixed or unmixed")] = (
        "mixed"
    )
    answer_sample_rate: Annotated[
        SampleRate, doc("sample rate of an answered call, in Hz: 16000 or 24000")
    ] = 16_000
    answer_start_streaming: Annotated[
        bool, doc("whether streaming of an answered call starts at once: true or false")
    ] = True
    announcement: Annotated[
        Literal["off", "on", "required"],
        doc(
            "announcement before calls are recorded: off, on (played if possible) or required "
            "(without it, nobody is recorded)"
        ),
    ] = "off"
    announcement_text: Annotated[str, doc("its text, which COGNITIVE_SERVICES_ENDPOINT speaks")] = (
        ""
    )
    announcement_url: Annotated[
        str, doc("in place of a text: the https:// URL of a WAV file, on one of ANNOUNCEMENT_HOSTS")
    ] = ""
    announcement_hosts: Annotated[
        str,
        doc("hosts of announcement files, also of those that calls name: a.example,*.b.example"),
    ] = ""
    announcement_voice: Annotated[
        str, doc("voice of a spoken announcement, such as en-US-AvaMultilingualNeural")
    ] = ""
    announcement_locale: Annotated[str, doc("locale of a spoken announcement")] = "en-US"
    announcement_seconds: Annotated[
        int, doc("time after which an announcement that ACS does not report counts as failed", ge=5)
    ] = 60
    cognitive_services_endpoint: Annotated[
        str, doc("Azure AI resource that speaks announcements in calls that name none")
    ] = ""
    cognitive_services_hosts: Annotated[
        str,
        doc(
            "more hosts of cognitive_services_endpoint, besides *.cognitiveservices.azure.com and "
            "*.services.ai.azure.com: a.example,*.b.example"
        ),
    ] = ""
    dtmf: Annotated[
        DtmfMode,
        doc(
            "the most that calls keep of DTMF tones: off, times (when and who) or digits (a typed "
            "card number, too)"
        ),
    ] = "off"
    webhooks: Annotated[str, doc("who gets the events of every call: NAME=URL,...")] = ""
    webhook_secrets: Annotated[
        str,
        doc(
            "their secrets, NAME=whsec_...,...; several of one, separated by spaces, all sign; "
            "those of the calls' own webhook_url have the name call"
        ),
    ] = ""
    webhook_hosts: Annotated[
        str, doc("hosts that a call may name in webhook_url: a.example,*.b.example")
    ] = ""
    webhook_addresses: Annotated[
        Addresses,
        doc(
            "addresses that webhooks may be sent to: public, private (also private networks) or "
            "any (local only: also this computer, and http://)"
        ),
    ] = "public"
    event_grid_topic_endpoint: Annotated[
        str, doc("endpoint of an Event Grid custom topic that gets the events of every call")
    ] = ""
    link_seconds: Annotated[int, doc("how long a link to audio is valid", ge=60, le=3600)] = 600
    callback_token_check: Annotated[
        TokenCheck,
        doc("check of ACS's bearer token on callback events: require, learn, warn or off"),
    ] = "require"
    callback_ids_check: Annotated[
        Check,
        doc("check of a callback event's ids against its call's record: require, warn or off"),
    ] = "require"
    callback_token_seconds: Annotated[
        float, doc("longest lifetime of ACS's tokens on callback events; 0: any", ge=0)
    ] = 300.0
    acs_token_issuer: Annotated[str, doc("issuer of ACS's tokens")] = ISSUER
    acs_token_jwks_url: Annotated[
        str, doc("URL of the key set or OpenID configuration of ACS's tokens")
    ] = OPENID_CONFIGURATION_URL
    acs_token_audience: Annotated[
        str, doc("immutable id of the ACS resource: the audience of ACS's tokens")
    ] = ""
    recording_format: Annotated[RecordingFormat, doc("format of the recordings: wav or flac")] = (
        "wav"
    )
    transcription: Annotated[
        Transcription, doc("speech to text: off, local (Whisper) or azure (Azure AI Speech)")
    ] = "off"
    transcription_locale: Annotated[
        str,
        doc(
            "language of incoming calls, and of placed ones without a locale: en-US, candidates "
            "(en-US,de-DE) or auto"
        ),
    ] = "en-US"
    transcription_retry_seconds: Annotated[
        float, doc("pause before a failed chunk is retried; doubled each time", ge=0, le=60)
    ] = 2.0
    speech_endpoint: Annotated[
        str, doc("endpoint of the Azure AI Speech resource, with its own subdomain")
    ] = ""
    speech_key: Annotated[
        str, doc("key of the Azure AI Speech resource (local only); empty: managed identity")
    ] = ""
    whisper_model: Annotated[
        str, doc("folder of a CTranslate2 Whisper model, for TRANSCRIPTION=local")
    ] = ""
    search: Annotated[
        Search,
        doc(
            "full-text search in transcripts: off, local (SQLite, in each instance of the app) or "
            "azure (Azure AI Search)"
        ),
    ] = "off"
    search_endpoint: Annotated[
        str, doc("endpoint of the Azure AI Search service: https://NAME.search.windows.net")
    ] = ""
    retention_days: Annotated[
        int, doc("days to keep a call after its end; 0: until it is deleted", ge=0, le=36_500)
    ] = 0
    retention_days_incoming: Annotated[
        int, doc("the same for incoming calls; -1: RETENTION_DAYS", ge=-1, le=36_500)
    ] = -1
    segment_days: Annotated[
        int,
        doc("days to keep segments and manifests; 0: as long as the call", ge=0, le=36_500),
    ] = 0
    soft_delete_days: Annotated[
        int, doc("days of the account's soft delete, for receipts of deletions", ge=0, le=365)
    ] = 0
    reconcile_after_seconds: Annotated[
        int, doc("age at which the reconciler analyses a segment without an analysis", ge=0)
    ] = 300
    partial_after_seconds: Annotated[
        int, doc("time without events after which a call is assembled from what has landed", ge=0)
    ] = 1800

    def answers(self, raw_id: str) -> bool:
        """Whether to answer calls to this raw id."""
        return self.answer_calls == "all" or raw_id in _raw_ids(self.answer_calls)

    def permits_cognitive_services(self, endpoint: str) -> bool:
        """Whether ACS may connect a call to this Azure AI resource."""
        hosts = [*COGNITIVE_SERVICES_HOSTS, *parse_hosts(self.cognitive_services_hosts)]
        return is_endpoint_of(endpoint, hosts)

    @property
    def has_subscribers(self) -> bool:
        """Whether anybody may have to be told of calls."""
        return bool(self.webhooks or self.webhook_hosts or self.event_grid_topic_endpoint)

    def permits_webhook(self, url: str) -> bool:
        """Whether a call may have its events sent to this URL."""
        return permits_call_webhook(url, self.webhook_hosts, self.webhook_addresses)

    def permits_announcement_file(self, url: str) -> bool:
        """Whether ACS may fetch this URL's file, to play it as an announcement."""
        return is_file_of(url, parse_hosts(self.announcement_hosts))


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings. Raises SettingsError with all faults at once."""
    values, faults = configuration.read(Settings, environment, SPELLED)
    settings = Settings(**values)
    if bool(settings.audio_storage) == bool(settings.audio_storage_blob_service_uri):
        faults.append("AudioStorage: set either it or AudioStorage__blobServiceUri")
    if settings.audio_storage_blob_service_uri and not settings.audio_storage_queue_service_uri:
        faults.append("AudioStorage__queueServiceUri: is not set")
    required = {"ACS_ENDPOINT": settings.acs_endpoint, "CALLBACK_URL": settings.callback_url}
    required["STREAMER_URL"] = settings.streamer_url
    faults += [f"{name}: is not set" for name, value in required.items() if not value]
    if settings.streamer_url and not settings.streamer_url.startswith(("ws://", "wss://")):
        faults.append("STREAMER_URL: must begin with wss:// (ws:// in local development)")
    if settings.answer_calls not in ("off", "all"):
        faults += [
            f"ANSWER_CALLS: {entry!r} is neither off, all, a phone number (E.164) nor a raw id"
            for entry in _raw_ids(settings.answer_calls)
            if not is_raw_id(entry) or _RAW_ID_PREFIX.match(entry) is None
        ]
    faults += _malformed_settings(settings)
    faults += _announcement_faults(settings)
    faults += webhook_faults(
        settings.webhooks,
        settings.webhook_secrets,
        settings.webhook_hosts,
        settings.webhook_addresses,
        settings.event_grid_topic_endpoint,
    )
    if configuration.in_azure(environment):
        faults += _local_only_settings(settings)
    if settings.callback_token_check != "off" and not settings.acs_token_audience:
        faults.append(
            "ACS_TOKEN_AUDIENCE: set it to the ACS resource's immutable id "
            "(or CALLBACK_TOKEN_CHECK=off)"
        )
    faults += _engine_faults(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _engine_faults(settings: Settings) -> list[str]:
    faults = []
    if settings.transcription == "azure" and not settings.speech_endpoint:
        faults.append("SPEECH_ENDPOINT: is not set, and TRANSCRIPTION is azure")
    if settings.transcription == "local" and not settings.whisper_model:
        faults.append("WHISPER_MODEL: is not set, and TRANSCRIPTION is local")
    if settings.search == "azure" and not settings.search_endpoint.startswith("https://"):
        faults.append("SEARCH_ENDPOINT: must begin with https://, since SEARCH is azure")
    return faults


def _malformed_settings(settings: Settings) -> list[str]:
    parsers: dict[str, tuple[Callable[[str], object], str]] = {
        "TRANSCRIPTION_LOCALE": (parse_setting, settings.transcription_locale),
        "ALLOWED_DESTINATIONS": (parse_entries, settings.allowed_destinations),
        "COGNITIVE_SERVICES_HOSTS": (parse_hosts, settings.cognitive_services_hosts),
        "ANNOUNCEMENT_HOSTS": (parse_hosts, settings.announcement_hosts),
        "ANNOUNCEMENT_LOCALE": (parse_locale, settings.announcement_locale),
    }
    faults = []
    for name, (parse, text) in parsers.items():
        try:
            parse(text)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    return faults


def _announcement_faults(settings: Settings) -> list[str]:
    text, url = settings.announcement_text, settings.announcement_url
    endpoint, faults = settings.cognitive_services_endpoint, []
    if len(text) > MAX_ANNOUNCEMENT_CHARACTERS or one_line(text) != text:
        limit = MAX_ANNOUNCEMENT_CHARACTERS
        faults.append(f"ANNOUNCEMENT_TEXT: must be one line of up to {limit} characters")
    if settings.announcement_voice and not _VOICE.fullmatch(settings.announcement_voice):
        faults.append("ANNOUNCEMENT_VOICE: is not the name of a voice")
    if text and url:
        faults.append("ANNOUNCEMENT_TEXT: set it or ANNOUNCEMENT_URL, not both")
    if settings.announcement == "on" and not text and not url:
        faults.append("ANNOUNCEMENT: is on; set ANNOUNCEMENT_TEXT or ANNOUNCEMENT_URL")
    if text and not endpoint:
        faults.append("COGNITIVE_SERVICES_ENDPOINT: is not set, and ANNOUNCEMENT_TEXT is")
    try:
        if endpoint and not settings.permits_cognitive_services(endpoint):
            faults.append("COGNITIVE_SERVICES_ENDPOINT: must be https:// and a permitted host")
        if url and not settings.permits_announcement_file(url):
            faults.append("ANNOUNCEMENT_URL: must be https:// and a host of ANNOUNCEMENT_HOSTS")
    except ValueError:
        # The hosts are malformed: that is a fault of its own.
        pass
    return faults


def _raw_ids(answer_calls: str) -> list[str]:
    """The raw ids that ANSWER_CALLS lists; phone numbers are written without their prefix."""
    entries = [entry.strip() for entry in answer_calls.split(",")]
    return [phone_number_raw_id(e) if is_phone_number(e) else e for e in entries]


def _local_only_settings(settings: Settings) -> list[str]:
    faults = []
    if settings.audio_storage:
        faults.append("AudioStorage: holds a key; in Azure, set AudioStorage__blobServiceUri")
    if settings.acs_access_key:
        faults.append("ACS_ACCESS_KEY: in Azure, the managed identity is used; remove it")
    if settings.speech_key:
        faults.append("SPEECH_KEY: in Azure, the managed identity is used; remove it")
    if settings.webhook_addresses == "any":
        faults.append("WEBHOOK_ADDRESSES: any is for local development; set public or private")
    if settings.streamer_url.startswith("ws://"):
        faults.append("STREAMER_URL: must begin with wss:// in Azure")
    if settings.callback_url.startswith("http://"):
        faults.append("CALLBACK_URL: must begin with https:// in Azure")
    if settings.acs_token_jwks_url.startswith("http://"):
        faults.append("ACS_TOKEN_JWKS_URL: must begin with https:// in Azure")
    return faults
