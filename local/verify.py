"""Whether the audio that landed is the audio that was sent: sample for sample.

What was sent is asked of the emulator; what landed is read from Blob Storage, by the manifests.
"""

from __future__ import annotations

from datetime import datetime

import aiohttp
import msgspec
from azure.storage.blob.aio import BlobServiceClient

from acs.media import to_microseconds
from contract import names, wav
from contract.manifest import Manifest, decode_manifest


class TrackAudio(msgspec.Struct, frozen=True):
    """One track of one stream: when it starts, and all its samples."""

    start: datetime
    pcm: bytes


Streams = list[dict[str | None, TrackAudio]]
"""The streams of a call in their order: a track for each participant (None: mixed)."""


class Difference(Exception):
    """Raised when what landed is not what was sent; the text says where."""


async def sent(acs_endpoint: str, call: str) -> Streams:
    """What the emulator sent, leaving streams out that were never sent a frame."""
    base = f"{acs_endpoint}/emulator/calls/{call}/sent"
    streams: Streams = []
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        async with session.get(base) as answer:
            described = await answer.json()
        for number, stream in enumerate(described):
            start = datetime.fromisoformat(stream["started_at"])
            tracks: dict[str | None, TrackAudio] = {}
            for index, track in enumerate(stream["tracks"]):
                async with session.get(f"{base}/{number}/{index}.pcm") as answer:
                    tracks[track["participant"]] = TrackAudio(start, await answer.read())
            if tracks:
                streams.append(tracks)
    return streams


async def landed(storage: str, call: str) -> Streams:
    """What Blob Storage holds. Raises Difference where a segment is not as its manifest says."""
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
            raise Difference(f"{name} has {len(samples) // 2} samples, not {entry.samples}")
        start = starts.setdefault(entry.track, entry.start)
        so_far = pcm.setdefault(entry.track, bytearray())
        since_us = to_microseconds(entry.start) - to_microseconds(start)
        if abs(since_us - len(so_far) * 500_000 / entry.sample_rate) > 1:
            raise Difference(f"{name} does not meet the segment before it")
        so_far += samples
    return {
        names.participant_raw_id(track): TrackAudio(starts[track], bytes(samples))
        for track, samples in pcm.items()
    }


def compare(sent: Streams, landed: Streams) -> int:
    """How many samples were compared; all of them are the same. Raises Difference."""
    if len(sent) != len(landed):
        raise Difference(f"{len(sent)} streams were sent, {len(landed)} landed")
    samples = 0
    for number, (there, here) in enumerate(zip(sent, landed, strict=True)):
        if there.keys() != here.keys():
            raise Difference(
                f"stream {number}: sent {sorted(map(str, there))}, landed {sorted(map(str, here))}"
            )
        for participant, audio in there.items():
            found = here[participant]
            where = f"stream {number}, {participant or 'mixed'}"
            if found.start != audio.start:
                raise Difference(f"{where}: starts at {found.start}, not {audio.start}")
            if found.pcm != audio.pcm:
                raise Difference(f"{where}: {_first_difference(audio.pcm, found.pcm)}")
            samples += len(audio.pcm) // 2
    return samples


def compare_recording(sent: Streams, file: bytes, tracks: list[str | None]) -> None:
    """Whether a call's recording holds what was sent, a channel for each of ``tracks``.

    Every sample at its time, and silence where nothing was sent. Raises Difference.
    """
    found = wav.parse(file)
    if found.channels != len(tracks):
        raise Difference(f"the recording has {found.channels} channels, not {len(tracks)}")
    samples = memoryview(wav.samples(file)).cast("h")
    begun = min(to_microseconds(audio.start) for stream in sent for audio in stream.values())
    for channel, participant in enumerate(tracks):
        wanted = bytearray(2 * len(samples) // len(tracks))
        for stream in sent:
            if participant in stream:
                audio = stream[participant]
                since_us = to_microseconds(audio.start) - begun
                at = 2 * round(since_us * found.sample_rate / 1_000_000)
                wanted[at : at + len(audio.pcm)] = audio.pcm
        heard = samples[channel :: len(tracks)].tobytes()
        if heard != wanted:
            difference = _first_difference(bytes(wanted), heard)
            raise Difference(f"the recording, {participant or 'mixed'}: {difference}")


def _first_difference(sent: bytes, landed: bytes) -> str:
    for at, (a, b) in enumerate(zip(sent, landed, strict=False)):
        if a != b:
            return f"differs from sample {at // 2} on"
    return f"{len(sent) // 2} samples were sent, {len(landed) // 2} landed"
