"""The function app's start: a cold start waits for it, and is billed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = {
    "numpy",
    "webrtcvad",
    "soundfile",
    "faster_whisper",
    "azure.ai.transcription",
}


def imported(*modules: str) -> set[str]:
    """What a fresh process holds after importing ``modules``."""
    code = f"import sys; import {', '.join(modules)}; print('\\n'.join(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


def test_a_start_imports_nothing_of_the_app() -> None:
    assert not {name for name in imported("function_app") if name.startswith("calls")}


def test_call_control_and_callbacks_load_no_audio_libraries() -> None:
    found = imported(
        "function_app",
        "calls.http.calls",
        "calls.http.callbacks",
        "calls.http.respond",
        "calls.control.answering",
        "calls.control.hanging_up",
        "calls.control.placing",
        "calls.control.streaming",
    )
    assert not found & HEAVY


def test_what_works_on_audio_loads_neither_whisper_nor_flac() -> None:
    """The first is not deployed, the second is loaded where it is asked for."""
    found = imported(
        "calls.pipeline.storage_events",
        "calls.pipeline.reconciler",
        "calls.http.results",
        "calls.http.transcripts",
        "calls.http.call_details",
        "calls.http.failures",
    )
    assert not found & (HEAVY - {"numpy", "webrtcvad"})


def test_it_is_short() -> None:
    assert len((ROOT / "function_app.py").read_text().splitlines()) < 200
