"""Counting messages that are not plain audio."""

from __future__ import annotations

from datetime import UTC, datetime

from acs.media import DTMF_DATA, DtmfData, Packet
from streamer.media_packets import MALFORMED, PacketCounter
from tests.streamer.spools import create_state


def counter(max_malformed: int = 3) -> tuple[PacketCounter, list[str]]:
    events: list[str] = []
    state = create_state()
    return PacketCounter(state, max_malformed, lambda level, event, **_: events.append(event)), (
        events
    )


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
    packets, _ = counter()
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
