"""The main job on a laptop: two calls, one mixed and one unmixed, from dialing to their results.

Ends well only if the audio that landed is, sample for sample, the audio that was sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from operator import itemgetter
from typing import Any

from acs import identifiers
from local import picture, verify
from local.client import AppClient, Json, is_put_together, state_is, streaming_is
from local.emulator.audio import CONVERSATION
from local.up import USUAL_PORTS, Addresses, Up
from local.wer import word_error_rate

_SEGMENT_SECONDS = 10
_TO, _FROM = "+15551230000", "+15559990000"


async def run(speed: float) -> int:
    """Run the demo; 0 if everything that was sent has landed. Raises UpError."""
    truth = json.loads((CONVERSATION / "truth.json").read_text())
    seconds = truth["length_ms"] / 1000 / speed
    print("Starting Azurite, the ACS emulator, the streamer and the Functions host ...", flush=True)
    begun = time.monotonic()
    settings = {"SEGMENT_SECONDS": str(_SEGMENT_SECONDS)}
    async with Up(use_free_ports=True, speed=speed, settings=settings) as up:
        print(f"All healthy after {time.monotonic() - begun:.1f} s.\n")
        addresses = up.addresses
        async with AppClient(addresses.app, addresses.function_key) as app:
            calls = {}
            for channels in ("mixed", "unmixed"):
                record = await app.place_call(to=_TO, **{"from": _FROM}, channels=channels)
                calls[channels] = record["call_connection_id"]
                print(f"POST /api/calls  {channels:8} -> call {record['call_connection_id']}")
            await _watch(app, calls, seconds, speed)
            for channels, call in calls.items():
                await app.streaming(call, "stop", operation_context="demo")
                await app.until(call, streaming_is("inactive"), "streaming stops")
                await app.hang_up(call)
                await app.until(call, state_is("disconnected"), "the call ends")
                print(f"{channels}: streaming stopped, call hung up")
            failed = False
            for channels, call in calls.items():
                record = await app.until(
                    call, lambda found: is_put_together(found, 1), "the call is put together", 60
                )
                failed |= not await _report(app, channels, record, addresses)
                await _show(app, channels, call, truth)
    print(
        "\nThe same system stays up, for curl and for you, with: make up"
        f"\nIts page, with calls, player and transcripts: http://127.0.0.1:{USUAL_PORTS['app']}/api/console"
    )
    return 1 if failed else 0


async def _watch(app: AppClient, calls: dict[str, str], seconds: float, speed: float) -> None:
    """Show progress while the audio runs."""
    print(f"\nStreaming a conversation of {seconds * speed:.0f} s, {speed:g} x as fast as life:")
    for call in calls.values():
        await app.until(call, streaming_is("active"), "streaming starts")
    begun = time.monotonic()
    while (elapsed := time.monotonic() - begun) < seconds + 0.5:
        parts = []
        for channels, call in calls.items():
            record = await app.show(call)
            landed = len(record["landed_segments"])
            parts.append(f"{channels}: {record['streaming']['state']}, {landed} segments landed")
        _progress(min(1.0, elapsed / seconds), "; ".join(parts))
        await asyncio.sleep(0.5)
    _progress(1.0, "the conversation is over")
    print()


def _progress(share: float, text: str) -> None:
    bar = "#" * round(share * 24)
    line = f"  [{bar:24}] {share:4.0%}  {text}"
    if sys.stdout.isatty():
        print(f"\r{line:110}", end="", flush=True)
    else:
        print(line, flush=True)


async def _report(app: AppClient, channels: str, record: Json, addresses: Addresses) -> bool:
    """The call's table, and whether what landed is what was sent."""
    call = record["call_connection_id"]
    print(f"\n{channels} call {call}")
    print(f"  {'track':18} {'from':>8} {'to':>8} {'speech':>7} {'level':>10}  blob")
    for stream in record["streams"]:
        first = datetime.fromisoformat(stream["segments"][0]["start"])
        for segment in stream["segments"]:
            print("  " + _row(segment, first))
    summary = record["summary"]
    print(
        f"  {summary['segments']} segments, {summary['audio_ms'] / 1000:.1f} s of audio, "
        f"speech {summary['speech_share']:.0%}, {summary['lost_ms']:g} ms lost"
    )
    print(f"  GET {addresses.app}/api/calls/{call}")
    try:
        sent = await verify.sent(addresses.acs_endpoint, call)
        landed = await verify.landed(addresses.storage_connection_string, call)
        samples = verify.compare(sent, landed)
        recording = await app.recording(call)
        tracks = [track["participant"] for track in (await app.timeline(call))["tracks"]]
        verify.compare_recording(sent, recording, tracks)
    except verify.Difference as difference:
        print(f"  FAILED: {difference}")
        return False
    print(f"  all {samples:,} samples that were sent have landed, and are the same")
    width = "1 channel" if len(tracks) == 1 else f"{len(tracks)} channels"
    print(f"  the recording, {len(recording) / 1e6:.1f} MB, {width}, holds the same")
    return True


async def _show(app: AppClient, channels: str, call: str, truth: Json) -> None:
    """The call's timeline and transcript."""
    print()
    for line in picture.timeline(await app.timeline(call)):
        print("  " + line)
    begun = time.monotonic()
    found = await app.transcript(call)
    waited = time.monotonic() - begun
    print(f"\n  transcript ({found['provider']}, {found['state']}, waited for {waited:.1f} s)")
    for said in found["utterances"]:
        who = identifiers.shown(said["participant"] or "")
        times = f"{said['start_ms'] / 1000:5.1f}-{said['end_ms'] / 1000:4.1f} s"
        print(f"    {times}  {who + ': ' if who else ''}{said['text']}")
    if found["state"] != "complete":
        print(f"    {found['error'] or 'TRANSCRIPTION is off'}")
        return
    rate = _error_rate(found["utterances"], truth, by_participant=channels == "unmixed")
    print(f"  word error rate {rate:.0%}, against what the two were made to say")


def _error_rate(utterances: list[Json], truth: Json, *, by_participant: bool) -> float:
    """The word error rate; in an unmixed call, each participant's words for themselves."""
    numbers = {"agent": f"4:{_FROM}", "caller": f"4:{_TO}"}
    said = [(numbers[line["who"]], line["start_ms"], line["text"]) for line in truth["utterances"]]
    heard = [(line["participant"], line["start_ms"], line["text"]) for line in utterances]
    order = itemgetter(0, 1) if by_participant else itemgetter(1)
    return word_error_rate(*(" ".join(t[2] for t in sorted(x, key=order)) for x in (said, heard)))


def _row(segment: dict[str, Any], first: datetime) -> str:
    start = (datetime.fromisoformat(segment["start"]) - first).total_seconds()
    end = start + segment["duration_ms"] / 1000
    level = segment["rms_dbfs"]
    shown = f"{level:.1f} dBFS" if level is not None else "silence"
    who = segment["participant"] or "mixed"
    blob = segment["blob"].split("/", 2)[-1]
    return (
        f"{who:18} {start:7.2f}s {end:7.2f}s {segment['speech_share']:7.0%} {shown:>10}  .../{blob}"
    )
