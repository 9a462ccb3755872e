"""Compares uploaded audio with the audio that was sent, sample for sample.

The emulator's control interface returns what was sent. Blob Storage has what was uploaded, and the
manifests list it.
"""

from __future__ import annotations

from datetime import datetime

import aiohttp
import msgspec
from azure.storage.blob.aio import BlobServiceClient

from acs.media import to_microseconds
from calls.results.participants import heard_participants, list_participants
from contract import names, wav
from contract.manifest import Manifest, decode_manifest


class TrackAudio(msgspec.Struct, frozen=True):
    """One track of one stream: when it starts, and its 16-bit samples."""

    start: datetime
    pcm: bytes


Streams = list[dict[str | None, TrackAudio]]
"""The streams of a call in order, each with a track by participant (None: mixed)."""


class AudioMismatch(Exception):
    """Raised when uploaded audio differs from what was sent; the message says where."""


async def fetch_sent(acs_endpoint: str, call: str) -> Streams:
    """Fetch what the emulator sent, without streams that had no frames."""
    base = f"{acs_endpoint}/emulator/calls/{call}/sent"
    streams: Streams = []
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(base) as response:
            descriptions = await response.json()
        for number, stream in enumerate(descriptions):
            start = datetime.fromisoformat(stream["started_at"])
            tracks: dict[str | None, TrackAudio] = {}
            for index, track in enumerate(stream["tracks"]):
                async with session.get(f"{base}/{number}/{index}.pcm") as response:
                    tracks[track["participant"]] = TrackAudio(start, await response.read())
            if tracks:
                streams.append(tracks)
    return streams


async def fetch_uploaded(storage: str, call: str) -> Streams:
    """Fetch what Blob Storage has. Raises AudioMismatch if segment and manifest differ."""
    async with BlobServiceClient.from_connection_string(storage) as service:
        container = service.get_container_client(names.MANIFESTS)
        blobs = [name async for name in container.list_blob_names(name_starts_with=f"{call}/")]
        manifests = []
        for blob in sorted(blobs):
            download = await container.download_blob(blob)
            manifests.append(decode_manifest(await download.readall()))
        return [await _stream(service, manifest) for manifest in manifests if manifest.segments]


async def _stream(service: BlobServiceClient, manifest: Manifest) -> dict[str | None, TrackAudio]:
    pcm: dict[str, bytearray] = {}
    starts: dict[str, datetime] = {}
    for entry in manifest.segments:
        name = entry.name(manifest.call_connection_id, manifest.stream_id).blob
        download = await service.get_blob_client(names.SEGMENTS, name).download_blob()
        samples = wav.samples(await download.readall())
        if len(samples) != 2 * entry.samples:
            raise AudioMismatch(
                f"{name} has {len(samples) // 2} samples, its manifest says {entry.samples}"
            )
        start = starts.setdefault(entry.track, entry.start)
        preceding = pcm.setdefault(entry.track, bytearray())
        since_us = to_microseconds(entry.start) - to_microseconds(start)
        if abs(since_us - len(preceding) * 500_000 / entry.sample_rate) > 1:
            raise AudioMismatch(f"{name} does not begin where the segment before it ends")
        preceding += samples
    participants = list_participants({manifest.stream_id: heard_participants(manifest)})
    return {
        participants.raw_id(track): TrackAudio(starts[track], bytes(samples))
        for track, samples in pcm.items()
    }


def compare(sent: Streams, uploaded: Streams) -> int:
    """Compare all samples; return how many there are. Raises AudioMismatch."""
    if len(sent) != len(uploaded):
        raise AudioMismatch(f"{len(sent)} streams were sent, {len(uploaded)} were uploaded")
    samples = 0
    for number, (expected, actual) in enumerate(zip(sent, uploaded, strict=True)):
        if expected.keys() != actual.keys():
            raise AudioMismatch(
                f"stream {number}: tracks {sorted(map(str, expected))} were sent, "
                f"{sorted(map(str, actual))} were uploaded"
            )
        for participant, audio in expected.items():
            other = actual[participant]
            track = f"stream {number}, {participant or 'mixed'}"
            if other.start != audio.start:
                raise AudioMismatch(f"{track}: starts at {other.start}, not {audio.start}")
            if other.pcm != audio.pcm:
                raise AudioMismatch(f"{track}: {_describe_difference(audio.pcm, other.pcm)}")
            samples += len(audio.pcm) // 2
    return samples


def compare_recording(sent: Streams, file: bytes, tracks: list[str | None]) -> None:
    """Compare a call's recording with what was sent; it has a channel for each of ``tracks``.

    Every sample must be at its time, with silence where nothing was sent. Raises AudioMismatch.
    """
    header = wav.parse(file)
    if header.channels != len(tracks):
        raise AudioMismatch(f"the recording has {header.channels} channels, not {len(tracks)}")
    samples = memoryview(wav.samples(file)).cast("h")
    start_us = min(to_microseconds(audio.start) for stream in sent for audio in stream.values())
    for channel, participant in enumerate(tracks):
        expected = bytearray(2 * len(samples) // len(tracks))
        for stream in sent:
            if participant in stream:
                audio = stream[participant]
                since_us = to_microseconds(audio.start) - start_us
                at = 2 * round(since_us * header.sample_rate / 1_000_000)
                expected[at : at + len(audio.pcm)] = audio.pcm
        actual = samples[channel :: len(tracks)].tobytes()
        if actual != expected:
            difference = _describe_difference(bytes(expected), actual)
            raise AudioMismatch(f"the recording, {participant or 'mixed'}: {difference}")


def _describe_difference(sent: bytes, actual: bytes) -> str:
    for at, (a, b) in enumerate(zip(sent, actual, strict=False)):
        if a != b:
            return f"differs from sample {at // 2} on"
    return f"has {len(actual) // 2} samples; {len(sent) // 2} were sent"
