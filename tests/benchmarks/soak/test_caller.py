"""A caller sends what its plan says, and its books hold what was sent."""

from __future__ import annotations

import asyncio
import random
from itertools import count
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from acs import media
from benchmarks.soak.caller import Caller, encode_audio, encode_metadata
from benchmarks.soak.ledger import SocketRecord
from benchmarks.soak.numbered import find_units
from benchmarks.soak.plan import CALM, CallPlan
from contract.names import MIXED_TRACK
from local.ports import HOST


class Peer:
    """A streamer that only notes its messages, by socket."""

    name = "peer"

    def __init__(self, close_after: int | None = None) -> None:
        self.sockets: dict[str, list[media.Packet]] = {}
        self.port = 0
        self._close_after = close_after

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        name = connection.request.headers["x-ms-call-correlation-id"]
        packets = self.sockets[name] = []
        try:
            while len(packets) != self._close_after or len(self.sockets) > 1:
                message = await connection.recv(decode=False)
                packets.append(media.decode(message))
            await connection.close(1001, "going away")
        except ConnectionClosed:
            pass


async def call(peer: Peer, plan: CallPlan, stop_after: float = 60) -> Caller:
    """Make a call to two replicas that are the same peer."""
    stop = asyncio.Event()
    async with serve(peer.handle, HOST, 0, compression=None) as server:
        peer.port = next(iter(server.sockets)).getsockname()[1]
        replicas: Any = [peer, Peer()]
        replicas[1].port = peer.port
        caller = Caller("call", plan, random.Random(1), replicas, 1.0)
        asyncio.get_running_loop().call_later(stop_after, stop.set)
        await asyncio.wait_for(caller.run(stop), 120)
    assert caller.has_ended
    return caller


def check(record: SocketRecord, packets: list[media.Packet], plan: CallPlan) -> None:
    """Check that a socket's packets are what its books say."""
    assert packets[0].audio_metadata is not None
    assert packets[0].audio_metadata.sample_rate == plan.sample_rate
    assert len(packets) == len(record.sent) + 1
    for packet, frame in zip(packets[1:], record.sent, strict=True):
        assert packet.audio_data is not None
        assert packet.audio_data.timestamp_us() == frame.stamp_us
        assert (packet.audio_data.participant_raw_id or MIXED_TRACK) == frame.participant
        assert set(find_units(packet.audio_data.data or b"").numbers.tolist()) == {frame.number}


async def test_all_that_is_sent_is_in_the_books() -> None:
    plan = CallPlan(random.Random(3), count(), 2.0, CALM._replace(cut=0.0))
    peer = Peer()
    caller = await call(peer, plan)
    (record,) = caller.records
    (packets,) = peer.sockets.values()
    check(record, packets, plan)
    assert len(record.sent) > 40
    assert record.ended_by == "close"
    assert record.opened_at < record.sent[0].sent_at < record.ended_at
    assert not caller.errors


async def test_a_call_goes_on_after_a_streamer_went_away() -> None:
    plan = CallPlan(random.Random(3), count(), 2.0, CALM._replace(cut=0.0))
    peer = Peer(close_after=20)
    caller = await call(peer, plan)
    first, second = caller.records
    assert first.ended_by == "1001 going away"
    assert second.ended_by == "close"
    check(second, peer.sockets[second.correlation_id], plan)
    assert not {frame.number for frame in first.sent} & {frame.number for frame in second.sent}


async def test_a_call_ends_when_it_must() -> None:
    plan = CallPlan(random.Random(3), count(), 60.0, CALM._replace(cut=0.0))
    caller = await call(Peer(), plan, stop_after=1.5)
    assert caller.records[-1].ended_by == "close"


def test_packets_are_acs_s() -> None:
    metadata = media.decode(encode_metadata(24_000)).audio_metadata
    assert metadata is not None
    assert (metadata.sample_rate, metadata.length) == (24_000, 960)
    packet = media.decode(encode_audio(1_700_000_000_020_000, "4:+1", b"\1\0"))
    assert packet.audio_data == media.AudioData(
        media.from_microseconds(1_700_000_000_020_000), "4:+1", b"\1\0", silent=False
    )
    silent = media.decode(encode_audio(None, None, None)).audio_data
    assert silent == media.AudioData(silent=True)
