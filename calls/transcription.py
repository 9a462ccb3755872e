"""Making a call's transcript, passage by passage, behind the recording and never before it.

What was heard in a passage is kept, so that a run that was cut off, or a call that goes on in a
further stream, transcribes only what is new. One run at a time: a transcript is claimed first.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from calls import blobs, recording, transcript
from calls.layout import Layout
from calls.results import CallResult
from calls.speech import Span
from calls.storage import Document, Storage
from calls.transcribers import Transcriber, TranscriptionFailed
from calls.transcript import Heard, Transcript, Utterance
from contract import names, wav

CLAIM = timedelta(minutes=15)
"""A claim this old is of a run that was cut off."""
MOST_ATTEMPTS = 3
RUN_SECONDS = 180.0
"""After this a run begins no further passage: a function has ten minutes, and the next goes on."""
_TRIES = 3
_TRY_SECONDS = 90.0

_log = logging.getLogger(__name__)


async def find(storage: Storage, result: CallResult) -> Transcript | None:
    """The call's transcript; None where none was begun."""
    document = await storage.read(blobs.RESULTS, blobs.transcript_blob(result.call_connection_id))
    return _decode(document) if document else None


def is_due(found: Transcript | None, layout: str, now: datetime) -> bool:
    """Whether a transcript has to be made, again or for the first time."""
    if found is None or found.layout != layout:
        return True
    if found.state == "failed":
        return found.attempts < MOST_ATTEMPTS
    return found.state == "pending" and (found.claimed_at is None or now - found.claimed_at > CLAIM)


class _Allowance:
    """A run's time. It begins with the first passage that is new, so that each run hears one."""

    def __init__(self) -> None:
        self._begun: float | None = None

    def is_left(self) -> bool:
        now = time.monotonic()
        self._begun = self._begun or now
        return now - self._begun <= RUN_SECONDS


async def run(
    storage: Storage,
    transcriber: Transcriber,
    result: CallResult,
    layout: Layout,
    *,
    retry_seconds: float,
) -> Transcript | None:
    """Make a call's transcript, if it is due and nobody else does; None where it is not.

    It does not raise where speech cannot be turned into text: the transcript then says so.
    """
    call = result.call_connection_id
    claim = await _claim(storage, transcriber, result)
    if claim is None:
        return None
    allowance = _Allowance()
    pending = _decode(claim)
    utterances: list[Utterance] = []
    faults: list[str] = []
    total = left = 0
    for track in result.timeline.tracks:
        speech = [(span.start_ms, span.end_ms) for span in track.speech]
        spans = transcript.passages(
            speech, transcriber.longest_ms, transcriber.pause_ms, layout.duration_ms
        )
        total += len(spans)
        for span in spans:
            try:
                heard = await _passage(
                    storage, transcriber, call, layout, track.track, span, retry_seconds, allowance
                )
            except TranscriptionFailed as error:
                _log.error("call %s, %s ms: %s", call, span[0], error)
                faults.append(str(error))
                continue
            if heard is None:
                left += 1
                continue
            utterances += _placed(track.track, span, heard, speech)
    made = Transcript(
        schema=transcript.SCHEMA,
        call_connection_id=call,
        provider=transcriber.provider,
        state="complete",
        error=None,
        utterances=transcript.in_order(utterances),
        layout=result.layout,
    )
    if faults:
        made.state, made.attempts = "failed", pending.attempts
        made.error = f"{len(faults)} of {total} passages: {faults[0]}"
    elif left:
        # Let go of: whoever comes next may go on at once, and this was no failed attempt.
        _log.info("call %s: %s of %s passages are left for the next run", call, left, total)
        made.state, made.attempts = "pending", pending.attempts - 1
    blob = blobs.transcript_blob(call)
    if not await storage.replace(blobs.RESULTS, blob, msgspec.json.encode(made), claim.etag):
        _log.info("the transcript of call %s is made by another", call)
        return None
    return made


def _placed(
    track: str, passage: Span, heard: Sequence[Heard], speech: Sequence[Span]
) -> list[Utterance]:
    return [transcript.utterance(track, passage, said, speech) for said in heard if said.text]


async def _claim(storage: Storage, transcriber: Transcriber, result: CallResult) -> Document | None:
    blob = blobs.transcript_blob(result.call_connection_id)
    document = await storage.read(blobs.RESULTS, blob)
    found = _decode(document) if document else None
    now = datetime.now(UTC)
    if not is_due(found, result.layout, now):
        return None
    again = found is not None and found.layout == result.layout
    claim = Transcript(
        schema=transcript.SCHEMA,
        call_connection_id=result.call_connection_id,
        provider=transcriber.provider,
        state="pending",
        error=None,
        utterances=[],
        layout=result.layout,
        claimed_at=now,
        attempts=1 + (found.attempts if found and again else 0),
    )
    content = msgspec.json.encode(claim)
    if document is None:
        claimed = await storage.create(blobs.RESULTS, blob, content)
    else:
        claimed = await storage.replace(blobs.RESULTS, blob, content, document.etag)
    written = await storage.read(blobs.RESULTS, blob) if claimed else None
    return written if written and written.content == content else None


async def _passage(
    storage: Storage,
    transcriber: Transcriber,
    call: str,
    layout: Layout,
    track: str,
    span: Span,
    retry_seconds: float,
    allowance: _Allowance,
) -> list[Heard] | None:
    """What is said in one passage; None where this run may hear no more.

    Raises TranscriptionFailed after three tries.
    """
    start, end = (round(at * layout.sample_rate / 1000) for at in span)
    pcm = await recording.one_track(storage, layout, track, start, min(end, layout.frames))
    file = wav.header(layout.sample_rate, len(pcm)) + pcm
    digest = hashlib.sha256(transcriber.name.encode() + b"\0" + file).hexdigest()[:32]
    blob = blobs.chunk_blob(call, digest)
    kept = await storage.read(blobs.RESULTS, blob)
    if kept is not None:
        return msgspec.json.decode(kept.content, type=list[Heard])
    if not allowance.is_left():
        return None
    heard = await _hear(transcriber, file, names.participant_raw_id(track) is None, retry_seconds)
    await storage.put(blobs.RESULTS, blob, msgspec.json.encode(heard))
    return heard


async def _hear(
    transcriber: Transcriber, file: bytes, speakers: bool, retry_seconds: float
) -> list[Heard]:
    for tries_left in reversed(range(_TRIES)):
        try:
            async with asyncio.timeout(_TRY_SECONDS):
                heard = await transcriber.hear(file, speakers=speakers)
            # As it is read again: what its types forbid is found now.
            return msgspec.json.decode(msgspec.json.encode(heard), type=list[Heard])
        except TimeoutError:
            failed = TranscriptionFailed(
                f"{transcriber.provider} did not answer within {_TRY_SECONDS:.0f} s"
            )
        except TranscriptionFailed as error:
            failed = error
        except Exception as error:
            # An answer of another shape than its client knows.
            _log.exception("%s failed", transcriber.name)
            failed = TranscriptionFailed(f"{transcriber.provider} failed: {type(error).__name__}")
        if not tries_left:
            raise failed
        _log.warning("%s; it is tried again", failed)
        await asyncio.sleep(retry_seconds * 2 ** (_TRIES - 1 - tries_left))
    raise AssertionError("the last try returns or raises")


def _decode(document: Document) -> Transcript:
    return msgspec.json.decode(document.content, type=Transcript)
