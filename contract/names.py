"""Blob names: which container holds what, and how a segment is called.

The stream's own id and the start times in the names let two streams of one call, even on two
replicas, write without ever meeting; results live under their own container, so that writing one
never fires the trigger that wrote it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote

from acs.identifiers import is_call_connection_id

SEGMENTS = "segments"
MANIFESTS = "manifests"
GRANTS = "grants"

CONTAINERS = (SEGMENTS, MANIFESTS, GRANTS)
"""The containers that both programs use; the function app has more (``calls/blobs.py``)."""

LOCAL_CONTAINERS = (
    *CONTAINERS,
    *("calls", "results", "recordings", "index", "idempotency", "failures"),
)
"""The containers that the streamer creates in local development, where no Bicep does."""

MIXED_TRACK = "mixed"
"""The one track of a stream whose participants ACS has mixed."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")
_STREAM_ID = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{8}", re.ASCII)
_TRACK = re.compile(r"(?:[A-Za-z0-9_.-]|~[0-9A-F]{2})+", re.ASCII)
_LONGEST_TRACK = 255
"""It names a folder of the spool, and no file system of ours takes more (NAME_MAX)."""
_START = re.compile(r"\d{8}T\d{6}\.\d{3}Z", re.ASCII)


class MalformedName(ValueError):
    """Raised when a blob's name does not follow the grammar of its container."""


class SegmentName(NamedTuple):
    """The parts of a segment's blob name; ``start`` is the UTC start of its first sample."""

    call_connection_id: str
    stream_id: str
    track: str
    start: datetime

    @property
    def blob(self) -> str:
        """The name in the ``segments`` container."""
        return f"{self.stem}.wav"

    @property
    def stem(self) -> str:
        """The name without its extension."""
        start = format_start(self.start)
        return f"{self.call_connection_id}/{self.stream_id}/{self.track}/{start}"


class ManifestName(NamedTuple):
    """The parts of a manifest's blob name."""

    call_connection_id: str
    stream_id: str

    @property
    def blob(self) -> str:
        """The name in the ``manifests`` container."""
        return f"{self.call_connection_id}/{self.stream_id}.json"


def new_stream_id(now: datetime) -> str:
    """An id for the stream of one socket, unique across replicas, that sorts by its start."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{stamp}Z-{secrets.token_hex(4)}"


def track_name(participant_raw_id: str | None) -> str:
    """The track of a participant, fit for a path; None is the mixed track.

    Reversible: every character that a path could trip over is written ``~XX``. A track cannot be
    ``.`` or ``..``, nor be mistaken for the mixed one.
    """
    if participant_raw_id is None:
        return MIXED_TRACK
    name = "".join(
        "".join(f"~{byte:02X}" for byte in character.encode())
        if _UNSAFE.match(character)
        else character
        for character in participant_raw_id
    )
    if name in (MIXED_TRACK, ".", "..", ""):
        name = "~" + (name.encode().hex().upper()[:2] or "00") + name[1:]
    return name


def participant_raw_id(track: str) -> str | None:
    """The participant's raw id that a track was named for; None for the mixed track."""
    if track == MIXED_TRACK:
        return None
    return unquote(track.replace("~", "%"))


def format_start(start: datetime) -> str:
    """``20241115T191612.925Z``: UTC, milliseconds, sorts by time."""
    return start.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"


def parse_start(text: str) -> datetime:
    """The moment that ``format_start`` wrote. Raises MalformedName."""
    if not _START.fullmatch(text):
        raise MalformedName(f"no start time: {text!r}")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedName(f"no start time: {text!r}") from error


def parse_segment(blob: str) -> SegmentName:
    """The parts of a segment's blob name (without its container). Raises MalformedName."""
    parts = blob.split("/")
    if len(parts) != 4 or not parts[3].endswith(".wav"):
        raise MalformedName(f"no segment's name: {blob!r}")
    call, stream, track, file = parts
    if not (is_call_connection_id(call) and _STREAM_ID.fullmatch(stream) and is_track(track)):
        raise MalformedName(f"no segment's name: {blob!r}")
    return SegmentName(call, stream, track, parse_start(file.removesuffix(".wav")))


def parse_manifest(blob: str) -> ManifestName:
    """The parts of a manifest's blob name (without its container). Raises MalformedName."""
    call, slash, file = blob.partition("/")
    stream = file.removesuffix(".json")
    if (
        not slash
        or stream == file
        or not is_call_connection_id(call)
        or not _STREAM_ID.fullmatch(stream)
    ):
        raise MalformedName(f"no manifest's name: {blob!r}")
    return ManifestName(call, stream)


def is_track(text: str) -> bool:
    """Whether ``text`` can be a track's name."""
    if not 1 <= len(text) <= _LONGEST_TRACK or text in (".", ".."):
        return False
    return _TRACK.fullmatch(text) is not None


def is_stream_id(text: str) -> bool:
    """Whether ``text`` can be a stream's id."""
    return _STREAM_ID.fullmatch(text) is not None


def grant_blob(token: str) -> str:
    """The name, in the ``grants`` container, of the grant that a stream token opens.

    Only the token's SHA-256 is ever stored, so that who reads the storage cannot open a stream.
    """
    return f"{_sha256(token)}.json"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
