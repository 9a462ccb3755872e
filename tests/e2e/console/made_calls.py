"""A thousand calls of the past, and some that may be deleted, made directly in storage."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import msgspec

from calls import blobs
from calls.index.rebuilding import rebuild
from calls.records.model import CallRecord, Summary, Talk
from calls.storage import Storage

COUNT, SPARE = 1000, 60
NAMES = ("Robin Ray", "Zo\u00eb Kim", "Priya Nair", "Sam Okafor")
OURS = "+15558880000"
_AT_ONCE = 24


def make_calls(now: datetime) -> list[CallRecord]:
    """Return calls of the two weeks before yesterday, the newest first: one each 20 minutes.

    The last SPARE of them have the tag ``spare``, and nothing else that a test looks for.
    """
    return [_make_call(n, now - timedelta(days=2, minutes=20 * n)) for n in range(COUNT + SPARE)]


def _make_call(number: int, created_at: datetime) -> CallRecord:
    other = f"+1555777{number % 50:04d}"
    is_spare = number >= COUNT
    is_incoming, has_failed = number % 3 == 0 and not is_spare, number % 40 == 7 and not is_spare
    is_partial = number % 25 == 3 and not is_spare
    seconds = 30 + number * 37 % 1200
    names = {f"4:{OURS}": "Support"}
    if number % 2 == 0 and not is_spare:
        names[f"4:{other}"] = NAMES[number // 2 % len(NAMES)]
    tags = [tag for tag, each in (("vip", 5), ("claim", 7)) if number % each == 0]
    return CallRecord(
        call_connection_id=f"made-{number:04d}",
        created_at=created_at,
        state="failed" if has_failed else "disconnected",
        origin_known=True,
        direction="incoming" if is_incoming else "outgoing",
        to=OURS if is_incoming else other,
        from_=other if is_incoming else OURS,
        names=names,
        channels="unmixed",
        sample_rate=16_000,
        connected_at=None if has_failed else created_at + timedelta(seconds=4),
        ended_at=created_at + timedelta(seconds=4 + seconds),
        participants=[f"4:{OURS}", f"4:{other}"],
        summary=None if has_failed else _summarize(seconds * 1000, other, number, is_partial),
        result_state="none" if has_failed else "partial" if is_partial else "final",
        tags=["spare"] if is_spare else tags,
        finalized=True,
    )


def _summarize(duration_ms: int, other: str, number: int, is_partial: bool) -> Summary:
    speech_ms, ours = duration_ms * 0.7, 0.6
    shares = {f"4:{OURS}": ours, f"4:{other}": 1 - ours}
    return Summary(
        streams=1,
        segments=4,
        missing_segments=int(is_partial),
        audio_ms=2.0 * duration_ms,
        speech_ms=speech_ms,
        speech_share=0.7,
        lost_ms=number % 90 * 25 if number % 10 == 0 else 0,
        duration_ms=duration_ms,
        talk=[
            Talk(
                track=f"p{index}",
                participant=participant,
                speech_ms=int(speech_ms * share),
                talk_share=share,
            )
            for index, (participant, share) in enumerate(shares.items(), 1)
        ],
    )


async def store_calls(storage: Storage, records: list[CallRecord]) -> None:
    """Write the records of calls, and build the index from all records, as an operator does."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def put(record: CallRecord) -> None:
        async with free:
            name = blobs.call_blob(record.call_connection_id)
            await storage.put(blobs.CALLS, name, msgspec.json.encode(record))

    await asyncio.gather(*map(put, records))
    await rebuild(storage)
