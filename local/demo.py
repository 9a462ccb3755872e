"""``make demo``: two calls, one mixed and one unmixed, from dialing to their results.

Succeeds only if the uploaded audio is, sample for sample, the audio that was sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from acs import identifiers
from local import picture, verify
from local.client import AppClient, Json, is_assembled, state_is, streaming_is
from local.emulator import audio_files
from local.emulator.audio import CONVERSATION
from local.up import USUAL_PORTS, Addresses, Up
from local.wer import word_error_rate

_SEGMENT_SECONDS = 10
_TO, _FROM = "+15551230000", "+15559990000"
_TRACKS = {"mixed": "one track with both participants", "unmixed": "one track per participant"}
_STEPS = 5


class Check(NamedTuple):
    """One line of the demo's checks; ``passed`` is None for a figure that is only reported."""

    passed: bool | None
    text: str


async def run(speed: float, audio: Sequence[Path] = ()) -> int:
    """Run the demo, with ``audio`` instead of the conversation if there is any.

    Returns 0 if all audio that was sent was uploaded. Raises AudioFileError, StartError.
    """
    truth = None if audio else json.loads((CONVERSATION / "truth.json").read_text())
    seconds = truth["length_ms"] / 1000 if truth else max(map(audio_files.check, audio))
    print("Call Audio demo: two calls, from dialing to their results.\n")
    _print_step(1, "Start Azurite, the ACS emulator, the streamer and the Functions host")
    start = time.monotonic()
    settings = {"SEGMENT_SECONDS": str(_SEGMENT_SECONDS)}
    async with Up(use_free_ports=True, speed=speed, audio=audio, settings=settings) as up:
        _print_detail(f"all healthy after {time.monotonic() - start:.1f} s")
        async with AppClient(up.addresses.app, up.addresses.function_key) as app:
            calls = await _place_calls(app)
            await _stream(app, calls, seconds, speed)
            await _hang_up(app, calls)
            records = await _wait_for_results(app, calls)
            checks = []
            for channels, record in records.items():
                checks += await _check_audio(app, channels, record, up.addresses)
                checks.append(await _check_transcript(app, channels, calls[channels], truth))
            await _print_results(app, calls["unmixed"])
    _print_checks(checks)
    _print_next_steps()
    return 1 if any(check.passed is False for check in checks) else 0


async def _place_calls(app: AppClient) -> dict[str, str]:
    """Place a mixed and an unmixed call; return their ids."""
    _print_step(2, "Place two calls with POST /api/v1/calls")
    calls = {}
    for channels, tracks in _TRACKS.items():
        record = await app.place_call(to=_TO, **{"from": _FROM}, channels=channels)
        calls[channels] = record["call_connection_id"]
        _print_detail(f"{channels:8} {calls[channels]}  {tracks}")
    return calls


async def _stream(app: AppClient, calls: dict[str, str], seconds: float, speed: float) -> None:
    """Show progress while the audio plays."""
    _print_step(3, f"Stream {seconds:.0f} s of audio at {speed:g} times its speed")
    for call in calls.values():
        await app.until(call, streaming_is("active"), "streaming starts")
    start, duration = time.monotonic(), seconds / speed
    while (elapsed := time.monotonic() - start) < duration + 0.5:
        await _print_progress(app, calls, min(1.0, elapsed / duration))
        interval = 0.5 if sys.stdout.isatty() else duration / 4
        await asyncio.sleep(min(interval, max(0.1, duration + 0.5 - elapsed)))
    await _print_progress(app, calls, 1.0)
    if sys.stdout.isatty():
        print()


async def _hang_up(app: AppClient, calls: dict[str, str]) -> None:
    _print_step(4, "Stop streaming, then hang up")
    for call in calls.values():
        await app.streaming(call, "stop", operation_context="demo")
        await app.until(call, streaming_is("inactive"), "streaming stops")
        await app.hang_up(call)
        await app.until(call, state_is("disconnected"), "the call ends")


async def _wait_for_results(app: AppClient, calls: dict[str, str]) -> dict[str, Json]:
    """Wait until both calls are assembled; return their records."""
    _print_step(5, "Wait for the results: analyses, recording, timeline, transcript")
    records = {}
    for channels, call in calls.items():
        record = await app.until(
            call, lambda record: is_assembled(record, 1), "the call is assembled", 60
        )
        summary = record["summary"]
        _print_detail(
            f"{channels:8} {summary['segments']} segments, {summary['audio_ms'] / 1000:.1f} s of "
            f"audio, {summary['speech_share']:.0%} speech, {summary['lost_ms']:g} ms lost"
        )
        records[channels] = record
    return records


async def _check_audio(
    app: AppClient, channels: str, record: Json, addresses: Addresses
) -> list[Check]:
    """Compare the uploaded segments and the recording with what the emulator sent."""
    call = record["call_connection_id"]
    try:
        sent = await verify.fetch_sent(addresses.acs_endpoint, call)
        uploaded = await verify.fetch_uploaded(addresses.storage_connection_string, call)
        samples = verify.compare(sent, uploaded)
        recording = await app.recording(call)
        tracks = [track["participant"] for track in (await app.timeline(call))["tracks"]]
        verify.compare_recording(sent, recording, tracks)
    except verify.AudioMismatch as mismatch:
        return [Check(False, f"{channels}: {mismatch}")]
    width = "1 channel" if len(tracks) == 1 else f"{len(tracks)} channels"
    return [
        Check(True, f"{channels}: all {samples:,} samples sent were uploaded, unchanged"),
        Check(
            True,
            f"{channels}: the recording ({width}, {len(recording) / 1e6:.1f} MB) matches them",
        ),
    ]


async def _check_transcript(app: AppClient, channels: str, call: str, truth: Json | None) -> Check:
    """Compare the transcript with what was said, where that is known."""
    transcript = await app.transcript(call)
    if transcript["state"] != "complete":
        reason = transcript["error"] or "TRANSCRIPTION is off"
        return Check(None, f"{channels}: transcript {transcript['state']}: {reason}")
    if truth is None:
        return Check(None, f"{channels}: the transcript ({transcript['provider']}) is complete")
    rate = _error_rate(transcript["utterances"], truth, by_participant=channels == "unmixed")
    return Check(
        None, f"{channels}: the transcript ({transcript['provider']}) has {rate:.0%} word errors"
    )


async def _print_results(app: AppClient, call: str) -> None:
    """Print a call's timeline and transcript."""
    print("\nThe unmixed call:\n")
    for line in picture.timeline(await app.timeline(call)):
        print("  " + line)
    print()
    for utterance in (await app.transcript(call))["utterances"]:
        speaker = utterance["name"] or identifiers.display_id(utterance["participant"] or "")
        start, end = utterance["start_ms"] / 1000, utterance["end_ms"] / 1000
        prefix = f"{speaker}: " if speaker else ""
        print(f"  {start:5.1f}-{end:4.1f} s  {prefix}{utterance['text']}")


def _print_checks(checks: list[Check]) -> None:
    print("\nChecked:\n")
    marks = {True: "ok", False: "FAILED", None: "-"}
    for check in checks:
        print(f"  {marks[check.passed]:6} {check.text}")


def _print_next_steps() -> None:
    console = f"http://127.0.0.1:{USUAL_PORTS['app']}/api/console"
    print(
        "\nNext:\n"
        "\n  make up        runs the same system until Ctrl-C, for the console and curl"
        f"\n                 {console}"
        "\n  docs/local.md  describes it, and the faults that the emulator can inject"
    )


def _print_step(number: int, text: str) -> None:
    print(f"[{number}/{_STEPS}] {text}", flush=True)


def _print_detail(text: str) -> None:
    print(f"      {text}", flush=True)


async def _print_progress(app: AppClient, calls: dict[str, str], share: float) -> None:
    counts = []
    for channels, call in calls.items():
        record = await app.show(call)
        counts.append(f"{channels} {len(record['landed_segments'])}")
    bar = "#" * round(share * 24)
    line = f"      [{bar:24}] {share:4.0%}  segments uploaded: {', '.join(counts)}"
    if sys.stdout.isatty():
        print(f"\r{line:100}", end="", flush=True)
    else:
        print(line, flush=True)


def _error_rate(utterances: list[Json], truth: Json, *, by_participant: bool) -> float:
    """The word error rate; ``by_participant`` compares each participant's words apart."""
    numbers = {"agent": f"4:{_FROM}", "caller": f"4:{_TO}"}
    expected = [(numbers[u["who"]], u["start_ms"], u["text"]) for u in truth["utterances"]]
    actual = [(u["participant"], u["start_ms"], u["text"]) for u in utterances]
    order = itemgetter(0, 1) if by_participant else itemgetter(1)
    texts = [" ".join(text for _, _, text in sorted(x, key=order)) for x in (expected, actual)]
    return word_error_rate(*texts)
