"""The streamer's settings: every fault is reported, and help shows every setting."""

from __future__ import annotations

import subprocess
import sys

import pytest

import configuration
from configuration import SettingsError
from streamer.settings import Settings, load

MINIMUM = {"AUDIO_STORAGE_CONNECTION_STRING": "x", "ACS_TOKEN_AUDIENCE": "resource"}


def test_variables_are_fields_in_capitals() -> None:
    settings = load(MINIMUM | {"STATS_LOG_SECONDS": "5", "MAX_STREAMS": "7"})
    assert (settings.stats_log_seconds, settings.max_streams) == (5.0, 7)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"AUDIO_STORAGE_CONNECTION_STRING": ""}, "AUDIO_STORAGE_BLOB_SERVICE_URI"),
        ({"AUDIO_STORAGE_BLOB_SERVICE_URI": "https://x"}, "AUDIO_STORAGE_BLOB_SERVICE_URI"),
        ({"ACS_TOKEN_AUDIENCE": ""}, "ACS_TOKEN_AUDIENCE"),
        ({"SEGMENT_SECONDS": "2", "SEGMENT_PAUSE_WINDOW_SECONDS": "1"}, "SEGMENT_PAUSE"),
        ({"TOKEN_CHECK": "learn", "GRANT_CHECK": "warn"}, "learn needs GRANT_CHECK=require"),
        ({"IDENTITY_ENDPOINT": "http://x"}, "AUDIO_STORAGE_CONNECTION_STRING"),
        ({"IDENTITY_ENDPOINT": "x", "ACS_TOKEN_JWKS_URL": "http://x"}, "ACS_TOKEN_JWKS_URL"),
    ],
)
def test_inconsistent_settings_are_refused(changes: dict[str, str], fault: str) -> None:
    with pytest.raises(SettingsError, match=fault):
        load(MINIMUM | changes)


def test_help_shows_every_setting() -> None:
    command = [sys.executable, "-m", "streamer", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for row in configuration.table(Settings):
        assert f"  {row.variable} " in shown
        assert row.description in shown
