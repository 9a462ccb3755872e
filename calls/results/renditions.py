"""Renditions of a recording: in another format, or mixed for listening. Made once, and kept.

A request waits for its rendition. The rendition of a long call takes longer than a request may: it
is then made in the background, and further requests wait for it. If the process ends meanwhile, or
another process gets the next request, it is made from the start; whichever is ready first is kept.

Memory holds some blocks of audio at a time, however long the call was.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Literal, NamedTuple, get_args

import numpy as np

from calls import blobs
from calls.errors import RenditionPending
from calls.results.mixing import Mix, mix_channels
from calls.storage import Properties, Storage
from contract import wav

Format = Literal["wav", "flac", "mp3", "ogg"]
FORMATS: tuple[Format, ...] = get_args(Format)
MIXES: tuple[Mix, ...] = get_args(Mix)

_LOSSY: tuple[Format, ...] = ("mp3", "ogg")
_BLOCK_BYTES = 4 * 1024 * 1024
_READ_BYTES = 1024 * 1024
_SAMPLE_BYTES = 2
_SOURCE_KEY = "source"
_FLAC_TYPE = "audio/flac"
_MAX_RUNNING = 2
_WAIT_SECONDS = 100.0
"""Azure's front end gives a request 230 s. In this time, eight hours of one channel become MP3."""

_running: dict[str, asyncio.Task[None]] = {}


class Rendition(NamedTuple):
    """A format, and the mix. None keeps the channels, of which a lossy format has two at most."""

    format: Format
    mix: Mix | None

    @property
    def name(self) -> str:
        """Its name among the renditions of a recording."""
        return f"{self.mix or 'channels'}.{self.format}"

    def channels(self, recorded: int) -> int:
        """The number of channels that it has of a recording with so many."""
        mix = self.mix_of(recorded)
        return recorded if mix is None else 1 if mix == "mono" else 2

    def mix_of(self, recorded: int) -> Mix | None:
        """The mix of a recording with so many channels; None if they stay as they are."""
        is_for_listening = self.format in _LOSSY and recorded > 1
        return self.mix or ("stereo" if is_for_listening else None)


def choose_rendition(
    recording: Properties, format_: Format | None, mix: Mix | None
) -> Rendition | None:
    """Return the rendition that a request means; None for the recording itself.

    MP3 and Ogg are for listening: several channels are mixed to stereo, unless the request says
    otherwise.
    """
    recorded = "flac" if recording.content_type == _FLAC_TYPE else "wav"
    rendition = Rendition(format_ or recorded, mix)  # type: ignore[arg-type]
    return None if rendition == (recorded, None) else rendition


async def make_rendition(
    storage: Storage, call: str, rendition: Rendition, recording: Properties
) -> Properties:
    """Return the properties of a rendition; make it if it does not exist.

    Args:
        storage: Where recordings are.
        call: The call connection id.
        rendition: The format and the mix.
        recording: The recording.

    Raises CannotEncode; RenditionPending if it takes longer; AzureError.
    """
    blob = blobs.rendition_blob(call, rendition.name)
    existing = await storage.properties(blobs.RECORDINGS, blob)
    if existing is not None and existing.metadata.get(_SOURCE_KEY) == recording.etag:
        return existing
    key = f"{blob} {recording.etag}"
    task = _running.get(key)
    if task is None:
        if len(_running) >= _MAX_RUNNING:
            raise RenditionPending
        task = asyncio.create_task(_write(storage, call, rendition, recording, existing))
        _running[key] = task
        task.add_done_callback(lambda _: _running.pop(key, None))
    done, _ = await asyncio.wait({task}, timeout=_WAIT_SECONDS)
    if not done:
        raise RenditionPending
    await task
    written = await storage.properties(blobs.RECORDINGS, blob)
    if written is None or written.metadata.get(_SOURCE_KEY) != recording.etag:
        raise RenditionPending
    return written


async def wav_size(storage: Storage, call: str, recording: Properties) -> int:
    """Return the size in bytes of a recording as WAV. Raises AzureError."""
    if recording.content_type != _FLAC_TYPE:
        return recording.size
    import soundfile

    source = _BlobReader(storage, blobs.recording_blob(call), recording)
    with await asyncio.to_thread(soundfile.SoundFile, source) as file:
        data_bytes: int = file.frames * file.channels * _SAMPLE_BYTES
        return len(wav.long_header(file.samplerate, data_bytes, file.channels)) + data_bytes


async def wav_parts(storage: Storage, call: str, recording: Properties) -> AsyncIterator[bytes]:
    """Yield a recording as WAV, in parts of a few MiB. It is not stored.

    Raises ResourceModifiedError if it changes meanwhile; AzureError.
    """
    if recording.content_type == _FLAC_TYPE:
        async for _, part in _blocks(storage, call, Rendition("wav", None), recording):
            yield part
        return
    blob = blobs.recording_blob(call)
    for offset in range(0, recording.size, _BLOCK_BYTES):
        length = min(_BLOCK_BYTES, recording.size - offset)
        yield await storage.read_range(blobs.RECORDINGS, blob, offset, length, recording.etag)


async def _write(
    storage: Storage,
    call: str,
    rendition: Rendition,
    recording: Properties,
    existing: Properties | None,
) -> None:
    await storage.write_in_blocks(
        blobs.RECORDINGS,
        blobs.rendition_blob(call, rendition.name),
        _blocks(storage, call, rendition, recording),
        name=f"{recording.etag} {rendition.name}",
        content_type=f"audio/{'mpeg' if rendition.format == 'mp3' else rendition.format}",
        metadata={_SOURCE_KEY: recording.etag},
        etag=existing.etag if existing else None,
    )


async def _blocks(
    storage: Storage, call: str, rendition: Rendition, recording: Properties
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield the rendition in numbered blocks; encoded, block 0 comes last."""
    import soundfile

    from calls.results.encoder import Encoder, encode_blocks

    source = _BlobReader(storage, blobs.recording_blob(call), recording)
    with await asyncio.to_thread(soundfile.SoundFile, source) as file:
        channels = rendition.channels(file.channels)
        if rendition.format == "wav":
            data_bytes = file.frames * channels * _SAMPLE_BYTES
            yield 0, wav.long_header(file.samplerate, data_bytes, channels)
            number = 0
            async for part in _mixed_frames(file, rendition):
                number += 1
                yield number, part.tobytes()
            return
        encoder = Encoder(rendition.format, file.samplerate, channels)
        frames = _mixed_frames(file, rendition)
        async for block in encode_blocks(encoder, frames, _BLOCK_BYTES):
            yield block


async def _mixed_frames(file: object, rendition: Rendition) -> AsyncIterator[np.ndarray]:
    channels: int = file.channels  # type: ignore[attr-defined]
    step, mix = _BLOCK_BYTES // (_SAMPLE_BYTES * channels), rendition.mix_of(channels)

    def read() -> np.ndarray:
        frames: np.ndarray = file.read(step, "int16", always_2d=True)  # type: ignore[attr-defined]
        return frames if mix is None else mix_channels(frames, mix)

    while len(frames := await asyncio.to_thread(read)):
        yield frames


class _BlobReader(io.RawIOBase):
    """A recording as a file, for a thread beside the event loop; it must not change meanwhile."""

    def __init__(self, storage: Storage, blob: str, properties: Properties) -> None:
        self._storage = storage
        self._blob = blob
        self._properties = properties
        self._loop = asyncio.get_running_loop()
        self._position = 0
        self._start = 0
        self._content = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._properties.size
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, target: object) -> int:
        """Fill the target: libsndfile takes less for the end of the file."""
        view = memoryview(target).cast("B")  # type: ignore[arg-type]
        filled = 0
        while filled < len(view):
            if not self._start <= self._position < self._start + len(self._content):
                self._fetch()
            offset = self._position - self._start
            part = self._content[offset : offset + len(view) - filled]
            if not part:
                break
            view[filled : filled + len(part)] = part
            self._position += len(part)
            filled += len(part)
        return filled

    def _fetch(self) -> None:
        """Fetch what begins at the position."""
        self._start = self._position
        length = min(_READ_BYTES, self._properties.size - self._start)
        self._content = b""
        if length > 0:
            reading = self._storage.read_range(
                blobs.RECORDINGS, self._blob, self._start, length, self._properties.etag
            )
            self._content = asyncio.run_coroutine_threadsafe(reading, self._loop).result()
