"""The header of an open segment: its rate and its exact start."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contract import names, wav
from streamer.part_header import exact_start, open_header, part_name, split_part_name
from tests.streamer.spools import START


@pytest.mark.parametrize("microseconds", [0, 1, 999, 123_456_789])
def test_it_has_the_rate_and_the_start_to_the_microsecond(microseconds: int) -> None:
    start = START + timedelta(microseconds=microseconds)
    header = open_header(24_000, start)
    assert len(header) == wav.HEADER_BYTES
    assert wav.rate_of(header) == 24_000
    assert exact_start(header, named(start)) == start


def test_the_start_in_the_name_is_believed_where_the_header_has_none() -> None:
    """A sealed segment has its sizes there, and a file may be cut short."""
    start = named(START + timedelta(microseconds=123_456))
    assert exact_start(wav.header(16_000, 1_000_000), start) == start
    assert exact_start(b"RIFF", start) == start


def test_the_name_has_the_track_and_the_start() -> None:
    name = part_name("p12", START)
    assert name == "p12~20260301T120000.000Z.part"
    assert split_part_name(name) == ("p12", "20260301T120000.000Z")
    assert split_part_name("noon.part") == ("noon", "")


def named(start: datetime) -> datetime:
    return names.parse_start(names.format_start(start))
