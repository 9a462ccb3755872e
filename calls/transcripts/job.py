"""Transcribing a call, chunk by chunk, once its recording is written.

Each chunk's phrases are stored: after an interruption, or with a further stream, only new chunks
are transcribed. Only one run works on a call at a time: it claims the transcript first. The claim
has an id: a run that is repeated under the same id goes on at once where it was interrupted.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from calls import blobs
from calls.errors import Contended, TranscriptionFailed
from calls.results import recording
from calls.results.call_result import CallResult
from calls.results.layout import Layout
from calls.results.voice_activity import Span
from calls.storage import Document, Storage
from calls.transcripts.chunks import place_phrase, plan_chunks, silence_pauses
from calls.transcripts.engine import Engine, Phrase
from calls.transcripts.model import SCHEMA, Transcript, Utterance, sort_utterances
from contract import names, wav
from event_log import log_event

CLAIM_LIFETIME = timedelta(minutes=15)
"""An older claim belongs to a run that was interrupted."""

INTERRUPTED = "every run was interrupted; the log of the function transcribe_call says why"
"""The error of a transcript whose runs have all ended without one."""

RUN_SECONDS = 180.0
"""After this time, a run starts no further chunk: a function may run for ten minutes in all."""

CHUNK_TRIES = 3
TRY_SECONDS = 90.0

_log = logging.getLogger(__name__)


async def read_transcript(storage: Storage, call: str) -> Transcript | None:
    """Read a call's transcript; None if none has been started. Raises AzureError."""
    document = await storage.read(blobs.RESULTS, blobs.transcript_blob(call))
    return _decode(document) if document else None


def is_due(
    transcript: Transcript | None, layout_digest: str, now: datetime, claim_id: str | None = None
) -> bool:
    """Return whether a call has to be transcribed, for the first time or again.

    Args:
        transcript: The existing transcript.
        layout_digest: Identifies the recording that it must belong to.
        now: The current time.
        claim_id: Of the run that asks: it may go on with its own, interrupted work.
    """
    if transcript is None or transcript.layout_digest != layout_digest:
        return True
    return transcript.state == "pending" and not _is_claimed(transcript, now, claim_id)


def _is_claimed(transcript: Transcript, now: datetime, unless_by: str | None) -> bool:
    """Whether a run holds the claim on a transcript, other than the one ``unless_by``."""
    if transcript.claimed_at is None or transcript.claimed_by == unless_by:
        return False
    return now - transcript.claimed_at <= CLAIM_LIFETIME


class _TimeBudget:
    """A run's time, from its first new chunk on, so that each run transcribes at least one."""

    def __init__(self) -> None:
        self._started: float | None = None

    def is_left(self) -> bool:
        now = time.monotonic()
        self._started = self._started or now
        return now - self._started <= RUN_SECONDS


class _Progress:
    """What a run has done so far."""

    def __init__(self) -> None:
        self.utterances: list[Utterance] = []
        self.errors: list[str] = []
        self.chunks = 0
        self.postponed = 0


async def transcribe_call(
    storage: Storage,
    engine: Engine,
    result: CallResult,
    layout: Layout,
    *,
    locales: Sequence[str],
    claim_id: str,
    retry_seconds: float,
) -> Transcript | None:
    """Transcribe a call, if that is due and no other run is doing it.

    Args:
        storage: Where the segments are, and where the transcript goes.
        engine: The speech-to-text engine.
        result: The call's result.
        layout: The layout of its recording.
        locales: The candidates for the language; none for any language.
        claim_id: Identifies this run, and its repetition after an interruption.
        retry_seconds: The pause before a failed chunk is retried; doubled each time.

    Returns:
        The transcript, which is pending if the run's time was not enough for it; None if it is not
        due, or another run is making it.

    Raises TranscriptionFailed if a chunk cannot be transcribed; the transcript is then pending, and
    says why. Raises AzureError.
    """
    call = result.call_connection_id
    etag = await _claim(storage, engine, result, claim_id)
    if etag is None:
        log_event(_log, logging.INFO, "transcription_skipped", call=call)
        return None
    transcriber = _ChunkTranscriber(storage, engine, result, layout, locales, retry_seconds)
    progress = await transcriber.run()
    transcript = _build_transcript(engine, result, progress)
    content = msgspec.json.encode(transcript)
    blob = blobs.transcript_blob(call)
    if not await storage.replace(blobs.RESULTS, blob, content, etag):
        log_event(_log, logging.INFO, "transcript_made_elsewhere", call=call)
        return None
    if transcript.error is not None:
        raise TranscriptionFailed(transcript.error)
    return transcript


def _build_transcript(engine: Engine, result: CallResult, progress: _Progress) -> Transcript:
    """Build what a run leaves, without a claim: the next run may go on with it at once."""
    call, errors = result.call_connection_id, progress.errors
    tracks = [track.track for track in result.timeline.tracks]
    transcript = Transcript(
        schema=SCHEMA,
        call_connection_id=call,
        provider=engine.provider,
        state="pending" if errors or progress.postponed else "complete",
        error=None,
        utterances=sort_utterances(progress.utterances),
        diarized=engine.diarizes if names.MIXED_TRACK in tracks else None,
        layout_digest=result.layout_digest,
    )
    if errors:
        transcript.error = f"{len(errors)} of {progress.chunks} chunks failed: {errors[0]}"
    elif progress.postponed:
        log_event(
            _log,
            logging.INFO,
            "transcript_postponed",
            call=call,
            chunks_left=progress.postponed,
            chunks=progress.chunks,
        )
    return transcript


async def mark_failed(
    storage: Storage, result: CallResult, *, provider: str, claim_id: str
) -> None:
    """Mark a call's pending transcript as failed permanently, unless another run is making it.

    Args:
        storage: Where the transcript is.
        result: The call's result.
        provider: The engine's provider.
        claim_id: Identifies the run that has failed every time.

    Raises Contended if the transcript is being changed at the same time, AzureError.
    """
    blob = blobs.transcript_blob(result.call_connection_id)
    document = await storage.read(blobs.RESULTS, blob)
    failed = Transcript(
        schema=SCHEMA,
        call_connection_id=result.call_connection_id,
        provider=provider,
        state="failed",
        error=INTERRUPTED,
        utterances=[],
        layout_digest=result.layout_digest,
    )
    if document is None:
        is_ours = await storage.create(blobs.RESULTS, blob, msgspec.json.encode(failed))
    else:
        existing = _decode(document)
        is_other = existing.layout_digest != result.layout_digest or existing.state != "pending"
        if is_other or _is_claimed(existing, datetime.now(UTC), claim_id):
            return
        failed.error, failed.utterances = existing.error or INTERRUPTED, existing.utterances
        content = msgspec.json.encode(failed)
        is_ours = await storage.replace(blobs.RESULTS, blob, content, document.etag)
    if not is_ours:
        raise Contended(f"the transcript of {result.call_connection_id} is being changed")
    log_event(
        _log,
        logging.ERROR,
        "transcript_failed_permanently",
        call=result.call_connection_id,
        error=failed.error,
    )


async def retry_failed(storage: Storage, call: str) -> Transcript | None:
    """Make a failed transcript pending, so that it is due again.

    Returns:
        The transcript; None if none has been started.

    Raises Contended if the transcript is being changed at the same time, AzureError.
    """
    blob = blobs.transcript_blob(call)
    document = await storage.read(blobs.RESULTS, blob)
    if document is None:
        return None
    transcript = _decode(document)
    if transcript.state != "failed":
        return transcript
    transcript.state, transcript.error = "pending", None
    content = msgspec.json.encode(transcript)
    if not await storage.replace(blobs.RESULTS, blob, content, document.etag):
        raise Contended(f"the transcript of {call} is being changed")
    return transcript


async def _claim(storage: Storage, engine: Engine, result: CallResult, claim_id: str) -> str | None:
    """Claim a call's transcript, and return its ETag.

    Returns None if it is not due, or another run has claimed it.
    """
    blob = blobs.transcript_blob(result.call_connection_id)
    document = await storage.read(blobs.RESULTS, blob)
    existing = _decode(document) if document else None
    now = datetime.now(UTC)
    if not is_due(existing, result.layout_digest, now, claim_id):
        return None
    is_repeated = existing is not None and existing.layout_digest == result.layout_digest
    claim = Transcript(
        schema=SCHEMA,
        call_connection_id=result.call_connection_id,
        provider=engine.provider,
        state="pending",
        # What the last run left stays until this one ends, which may be interrupted.
        error=existing.error if existing and is_repeated else None,
        utterances=existing.utterances if existing and is_repeated else [],
        layout_digest=result.layout_digest,
        claimed_at=now,
        claimed_by=claim_id,
    )
    content = msgspec.json.encode(claim)
    if document is None:
        return await storage.create(blobs.RESULTS, blob, content)
    return await storage.replace(blobs.RESULTS, blob, content, document.etag)


class _ChunkTranscriber:
    """Transcribes the chunks of one call."""

    def __init__(
        self,
        storage: Storage,
        engine: Engine,
        result: CallResult,
        layout: Layout,
        locales: Sequence[str],
        retry_seconds: float,
    ) -> None:
        self._storage = storage
        self._engine = engine
        self._call = result.call_connection_id
        self._timeline = result.timeline
        self._participants = result.timeline.participants
        self._layout = layout
        self._locales = locales
        self._retry_seconds = retry_seconds
        self._budget = _TimeBudget()

    async def run(self) -> _Progress:
        """Transcribe all tracks, as far as the run's time allows."""
        progress = _Progress()
        for track in self._timeline.tracks:
            speech = [(span.start_ms, span.end_ms) for span in track.speech]
            chunks = plan_chunks(
                speech,
                self._engine.max_chunk_ms,
                self._engine.max_pause_ms,
                self._layout.duration_ms,
            )
            progress.chunks += len(chunks)
            for chunk in chunks:
                await self._transcribe_chunk(track.track, chunk, speech, progress)
        return progress

    async def _transcribe_chunk(
        self, track: str, chunk: Span, speech: Sequence[Span], progress: _Progress
    ) -> None:
        try:
            phrases = await self._read_or_transcribe(track, chunk, speech)
        except TranscriptionFailed as error:
            log_event(
                _log,
                logging.ERROR,
                "chunk_failed",
                call=self._call,
                track=track,
                start_ms=chunk[0],
                error=error,
            )
            progress.errors.append(str(error))
            return
        if phrases is None:
            progress.postponed += 1
            return
        progress.utterances += [
            place_phrase(track, chunk, phrase, speech, self._participants)
            for phrase in phrases
            if phrase.text
        ]

    async def _read_or_transcribe(
        self, track: str, chunk: Span, speech: Sequence[Span]
    ) -> list[Phrase] | None:
        """Return the phrases of one chunk; None if the run has no time left for it.

        Raises TranscriptionFailed after three tries.
        """
        layout = self._layout
        start, end = (round(at_ms * layout.sample_rate / 1000) for at_ms in chunk)
        pcm = await recording.read_track(
            self._storage, layout, track, start, min(end, layout.frames)
        )
        pcm = silence_pauses(pcm, layout.sample_rate, chunk, speech)
        wav_file = wav.header(layout.sample_rate, len(pcm)) + pcm
        engine_and_locales = "\0".join([self._engine.name, *self._locales, ""]).encode()
        digest = hashlib.sha256(engine_and_locales + wav_file).hexdigest()[:32]
        blob = blobs.chunk_blob(self._call, digest)
        document = await self._storage.read(blobs.RESULTS, blob)
        if document is not None:
            return msgspec.json.decode(document.content, type=list[Phrase])
        if not self._budget.is_left():
            return None
        phrases = await self._transcribe(wav_file, diarize=track == names.MIXED_TRACK)
        await self._storage.put(blobs.RESULTS, blob, msgspec.json.encode(phrases))
        return phrases

    async def _transcribe(self, wav_file: bytes, *, diarize: bool) -> list[Phrase]:
        engine = self._engine
        for tries_left in reversed(range(CHUNK_TRIES)):
            try:
                async with asyncio.timeout(TRY_SECONDS):
                    phrases = await engine.transcribe(
                        wav_file, diarize=diarize, locales=self._locales
                    )
                # Decoded as when it is read back, so that wrong types are detected now.
                return msgspec.json.decode(msgspec.json.encode(phrases), type=list[Phrase])
            except TimeoutError:
                failure = TranscriptionFailed(
                    f"{engine.provider} did not answer within {TRY_SECONDS:.0f} s"
                )
            except TranscriptionFailed as error:
                failure = error
            except Exception as error:  # noqa: BLE001  # becomes a failed chunk
                # The response has a shape that the engine's client does not expect.
                log_event(_log, logging.ERROR, "engine_failed", engine=engine.name, exc_info=True)
                failure = TranscriptionFailed(f"{engine.provider} failed: {type(error).__name__}")
            if not tries_left:
                raise failure
            log_event(
                _log,
                logging.WARNING,
                "chunk_retried",
                call=self._call,
                tries_left=tries_left,
                error=failure,
            )
            await asyncio.sleep(self._retry_seconds * 2 ** (CHUNK_TRIES - 1 - tries_left))
        raise AssertionError("the last try returns or raises")


def _decode(document: Document) -> Transcript:
    return msgspec.json.decode(document.content, type=Transcript)
