"""SECURITY.md names only settings and files that exist."""

from __future__ import annotations

import re
from pathlib import Path

import calls.settings
import configuration
import streamer.settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()


def test_the_settings_it_names_exist_and_every_check_is_named() -> None:
    rows = [
        *configuration.table(calls.settings.Settings, calls.settings.SPELLED),
        *configuration.table(streamer.settings.Settings),
    ]
    there = {row.variable for row in rows}
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+)`", TEXT))
    assert named <= there
    assert {variable for variable in there if variable.endswith("_CHECK")} <= named


def test_every_check_but_one_is_required_by_default() -> None:
    """The exception is the check of the correlation id, which Microsoft does not document."""
    for module in (calls.settings, streamer.settings):
        for row in configuration.table(module.Settings):
            if row.variable.endswith("_CHECK"):
                wanted = "warn" if row.variable == "CORRELATION_CHECK" else "require"
                assert row.default == wanted, row.variable


def test_the_files_it_names_exist() -> None:
    for path in re.findall(r"`([\w.-][\w./-]*\.(?:py|txt|json))`", TEXT):
        assert (ROOT / path).is_file(), path
