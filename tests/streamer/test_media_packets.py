"""Counting messages that are not plain audio."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from acs import media
from acs.media import DTMF_DATA, DtmfData, Packet
from contract.grants import DtmfMode
from contract.manifest import DtmfTone
from streamer.media_packets import MALFORMED, PacketCounter
from tests.streamer.spools import create_state


def counter(max_malformed: int = 3, dtmf: DtmfMode = "off") -> tuple[PacketCounter, list[str]]:
    events: list[str] = []
    state = create_state()

    def log(level: int, event: str, **_: object) -> None:
        events.append(event)

    return PacketCounter(state, max_malformed, log, dtmf), events


def test_malformed_messages_count_in_a_row() -> None:
    packets, events = counter()
    for audio_packets in range(20):
        assert not packets.count_malformed("packet", "x", audio_packets)
    packets.count_other(Packet("Hologram"))
    results = [packets.count_malformed("packet", "x", 19) for _ in range(4)]
    assert results == [False, False, False, True]
    assert packets._state.packets == {MALFORMED: 24, "Hologram": 1}
    assert events == ["packet_malformed"], "logged once"


def test_each_irregularity_is_logged_once() -> None:
    packets, events = counter()
    before = packets.anomalies
    for reason in ("binary", "odd_bytes", "binary"):
        packets.count_irregular(reason, "detail")
    assert packets._state.irregular == {"binary": 2, "odd_bytes": 1}
    assert events == ["packet_irregular"] * 2
    assert packets.anomalies == before + 3


def test_kinds_and_tones_are_bounded() -> None:
    packets, _ = counter(dtmf="digits")
    for number in range(200):
        packets.count_other(Packet(f"{number}" + "x" * 1000))
    state = packets._state
    assert len(state.packets) <= 65
    assert sum(state.packets.values()) == 200
    assert max(map(len, state.packets)) <= 64
    now = datetime.now(UTC)
    packets.count_other(Packet(DTMF_DATA, dtmf_data=DtmfData("x" * 1000, now, "4:+1")))
    (tone,) = state.dtmf
    assert (tone.tone, tone.timestamp, tone.participant_raw_id) == ("x" * 32, now, "4:+1")


STAMP = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)


def count_tones(dtmf: DtmfMode) -> tuple[list[DtmfTone], dict[str, int]]:
    """What is kept of a few tones, and the packets by kind."""
    packets, _ = counter(dtmf=dtmf)
    tones: list[dict[str, object]] = [
        {"data": "3", "timestamp": "2026-11-26T03:30:00Z", "participantRawID": "4:+1"},
        {"data": 7},
        {"data": "pound", "timestamp": "yesterday"},
        {"data": "asterisk", "timestamp": None},
    ]
    for tone in tones:
        packets.count_other(
            media.decode(json.dumps({"kind": DTMF_DATA, "dtmfData": tone}).encode())
        )
    return packets._state.dtmf, packets._state.packets


def test_digits_are_normalized_and_have_their_own_time() -> None:
    tones, _ = count_tones("digits")
    assert [tone.tone for tone in tones] == ["3", "7", "#", "*"]
    assert [tone.timestamp for tone in tones] == [STAMP, None, None, None]
    assert tones[0].at == STAMP
    assert tones[1].at == tones[1].received_at


def test_times_keep_when_and_who_but_no_digit() -> None:
    tones, _ = count_tones("times")
    assert [tone.tone for tone in tones] == [None] * 4
    assert [tone.timestamp for tone in tones] == [STAMP, None, None, None]
    assert [tone.participant_raw_id for tone in tones] == ["4:+1", None, None, None]
    assert all(datetime.now(UTC) - tone.received_at < timedelta(hours=1) for tone in tones)


@pytest.mark.parametrize("dtmf", ["off", "times", "digits"])
def test_the_packets_of_tones_are_counted_whatever_is_kept(dtmf: DtmfMode) -> None:
    assert count_tones(dtmf)[1] == {DTMF_DATA: 4}


def test_nothing_is_kept_of_tones_unless_the_grant_says_so() -> None:
    assert count_tones("off")[0] == []
