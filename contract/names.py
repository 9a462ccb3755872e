"""Blob names: which container holds what, and the grammar of the names.

Each stream has an id of its own, and each segment is named for its start: two streams of one call,
even on two replicas, never write the same blob. Results have a container of their own, so that
writing one never fires the trigger that wrote it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from acs.identifiers import is_call_connection_id

SEGMENTS = "segments"
MANIFESTS = "manifests"
GRANTS = "grants"
DRAFTS = "drafts"
"""What is known of a stream before its manifest: a marker that it has opened, a note of each
participant, and the manifest so far of a stream whose streamer was told to end."""

REJECTED = "rejected"
"""What the streamer could not store in its place, or could not read: for people to look at."""

REJECTED_STREAMS = "streams"
"""The folder of ``rejected`` that has the files of streams which could not be recovered."""

CONTAINERS = (SEGMENTS, MANIFESTS, GRANTS, DRAFTS, REJECTED)
"""The containers that both programs use; the function app has more (``calls/blobs.py``)."""

MIXED_TRACK = "mixed"
"""The only track of a stream in which ACS mixes all participants."""

_MARKER = ".open"
NOTE = ".note"
_STREAM_ID = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{8}", re.ASCII)
_TRACK = re.compile(rf"{MIXED_TRACK}|p[1-9]\d{{0,3}}", re.ASCII)
_START = re.compile(r"\d{8}T\d{6}\.\d{3}Z", re.ASCII)


class MalformedName(ValueError):
    """Raised when a blob's name does not follow the grammar of its container."""


class SegmentName(NamedTuple):
    """The parts of a segment's blob name; ``start`` is the UTC time of its first sample."""

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


class NoteName(NamedTuple):
    """The parts of the blob name of a participant's note: who is on a track of a stream."""

    call_connection_id: str
    stream_id: str
    track: str

    @property
    def blob(self) -> str:
        """The name in the ``drafts`` container."""
        return f"{self.call_connection_id}/{self.stream_id}.{self.track}{NOTE}"


def stream_marker(call_connection_id: str, stream_id: str) -> str:
    """Return the name, in the ``drafts`` container, of the marker that a stream has begun.

    The streamer writes it with the stream's first packet, and it is empty: its name says it all.
    """
    return f"{call_connection_id}/{stream_id}{_MARKER}"


def parse_marker(blob: str) -> ManifestName:
    """Parse the name of a stream's marker, without its container. Raises MalformedName."""
    if not blob.endswith(_MARKER):
        raise MalformedName(f"not a marker's name: {blob!r}")
    return parse_manifest(blob.removesuffix(_MARKER) + ".json")


def rejected_stream(call_connection_id: str, stream_id: str) -> str:
    """Return the beginning of the names of what could not be recovered of a stream."""
    return f"{REJECTED_STREAMS}/{call_connection_id}/{stream_id}/"


def new_stream_id(now: datetime) -> str:
    """Create the id of a WebSocket's stream: unique across replicas, and sorted by its start."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    return f"{stamp}Z-{secrets.token_hex(4)}"


def stream_start(stream_id: str) -> datetime:
    """Return the moment that a stream's id was created for, to the millisecond."""
    stamp, _, _ = stream_id.partition("Z")
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def track_name(number: int) -> str:
    """Return the name of the track of a participant: ``p1`` is the first one that a stream heard.

    No name holds a phone number: names are in URLs, in logs, and in the metrics of Blob Storage.
    The stream's manifest has the raw id of each track's participant.
    """
    return f"p{number}"


def track_number(track: str) -> int:
    """Return the number of a participant's track; 0 for the mixed track."""
    return 0 if track == MIXED_TRACK else int(track[1:])


def format_start(start: datetime) -> str:
    """Format a start as ``20241115T191612.925Z``: UTC, to the millisecond, sorts by time."""
    return start.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"


def parse_start(text: str) -> datetime:
    """Parse what ``format_start`` wrote. Raises MalformedName."""
    if not _START.fullmatch(text):
        raise MalformedName(f"not a start time: {text!r}")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedName(f"not a start time: {text!r}") from error


def parse_segment(blob: str) -> SegmentName:
    """Parse a segment's blob name, without its container. Raises MalformedName."""
    parts = blob.split("/")
    if len(parts) != 4 or not parts[3].endswith(".wav"):
        raise MalformedName(f"not a segment's name: {blob!r}")
    call, stream, track, file = parts
    if not (is_call_connection_id(call) and _STREAM_ID.fullmatch(stream) and is_track(track)):
        raise MalformedName(f"not a segment's name: {blob!r}")
    return SegmentName(call, stream, track, parse_start(file.removesuffix(".wav")))


def parse_manifest(blob: str) -> ManifestName:
    """Parse a manifest's blob name, without its container. Raises MalformedName."""
    call, slash, file = blob.partition("/")
    stream = file.removesuffix(".json")
    if (
        not slash
        or stream == file
        or not is_call_connection_id(call)
        or not _STREAM_ID.fullmatch(stream)
    ):
        raise MalformedName(f"not a manifest's name: {blob!r}")
    return ManifestName(call, stream)


def parse_note(blob: str) -> NoteName:
    """Parse the name of a participant's note, without its container. Raises MalformedName."""
    stem, dot, track = blob.removesuffix(NOTE).rpartition(".")
    if not (blob.endswith(NOTE) and dot and is_track(track)):
        raise MalformedName(f"not a participant's note's name: {blob!r}")
    return NoteName(*parse_manifest(f"{stem}.json"), track)


def is_track(text: str) -> bool:
    """Return whether ``text`` is a valid track name."""
    return _TRACK.fullmatch(text) is not None


def is_stream_id(text: str) -> bool:
    """Return whether ``text`` is a valid stream id."""
    return _STREAM_ID.fullmatch(text) is not None


def grant_blob(token: str) -> str:
    """Return the name, in the ``grants`` container, of a stream token's grant.

    Only the token's SHA-256 is stored: reading the storage is not enough to open a stream.
    """
    return f"{_sha256(token)}.json"


def grant_note(call_connection_id: str, grant: str) -> str:
    """Return the name, in the ``grants`` container, of the note that a grant is a call's.

    Either program writes it when it binds the grant, and it is empty: its name says it all.
    """
    return f"{grant_notes(call_connection_id)}{grant}"


def grant_notes(call_connection_id: str) -> str:
    """Return what the names of all notes of a call's grants begin with."""
    return f"calls/{call_connection_id}/"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
