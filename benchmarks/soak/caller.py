"""A call's sender: plays a plan over sockets, and keeps the books of each."""

from __future__ import annotations

import asyncio
import base64
import random
import time
from collections.abc import Coroutine
from datetime import UTC, datetime

from benchmarks.soak.ledger import SentFrame, SocketRecord
from benchmarks.soak.media_socket import HandshakeRefused, MediaSocket
from benchmarks.soak.numbered import encode_numbered
from benchmarks.soak.plan import SETTLE_SECONDS, CallPlan, Emission
from benchmarks.soak.replicas import Replica
from contract.names import MIXED_TRACK

_RETRY_SECONDS = 0.2
_LATE_SECONDS = 0.1
_CLOSE_SECONDS = 30.0
_GOING_AWAY = 1001


class Caller:
    """One call.

    Attributes:
        call: Its call connection id.
        records: Its sockets so far.
        errors: What went wrong that should not have.
        has_ended: Whether its last socket is closed.
        speed: How much faster than life it is.
    """

    def __init__(
        self,
        call: str,
        plan: CallPlan,
        rng: random.Random,
        replicas: list[Replica],
        speed: float,
    ) -> None:
        self.call = call
        self.records: list[SocketRecord] = []
        self.errors: list[str] = []
        self.has_ended = False
        self._plan = plan
        self._rng = rng
        self._replicas = replicas
        self._replica = rng.choice(replicas)
        self.speed = speed
        self._raw_ids = [
            None if plan.is_mixed else f"4:+1555{index:07}" for index in range(plan.participants)
        ]
        self._loop = asyncio.get_running_loop()
        self._socket: MediaSocket | None = None
        self._record: SocketRecord | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()
        self._busy_until = 0.0
        # ACS's timestamps are in milliseconds.
        self._origin_ms = round(time.time() * 1000)

    async def run(self, stop: asyncio.Event) -> None:
        """Make the call, until its end or until ``stop`` is set."""
        begun = self._loop.time()
        self._connect(0.0)
        for emission in self._plan.emissions():
            due = begun + emission.at / self.speed
            if due > self._loop.time():
                await asyncio.sleep(due - self._loop.time())
            if self._loop.time() - due > _LATE_SECONDS:
                # This process is busy: timestamps and arrival do not agree.
                self._busy_until = self._loop.time() + SETTLE_SECONDS
            if stop.is_set():
                break
            self._act(emission)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._socket is not None and self._record is not None and not self._socket.has_ended:
            self._record.ended_by = "close"
            await self._close(self._socket)
        if self._watchers:
            await asyncio.wait(self._watchers)
        self.has_ended = True

    def _act(self, emission: Emission) -> None:
        """Do what the plan says, if the socket is open; otherwise, open one."""
        media_socket, record = self._socket, self._record
        if media_socket is None or record is None or media_socket.has_ended:
            if self._connecting is None or self._connecting.done():
                self._connect(0.05)
            return
        if emission.action == "frame":
            self._send(media_socket, record, emission)
            return
        record.ended_by = str(emission.action)
        if emission.action == "close":
            self._watch(self._close(media_socket))
        elif emission.action == "drop":
            media_socket.drop()
        else:
            record.reset_at = self._loop.time()
            media_socket.reset()
        self._socket = None
        self._connect(self._rng.uniform(0, 2))

    def _send(self, media_socket: MediaSocket, record: SocketRecord, emission: Emission) -> None:
        now = self._loop.time()
        stamp_us = None
        if emission.stamp_ms is not None:
            stamp_us = (self._origin_ms + emission.stamp_ms) * 1000
        raw_id = self._raw_ids[emission.participant]
        pcm = None
        if not emission.is_silent:
            pcm = encode_numbered(emission.number, self._plan.sample_rate // 50)
        if not media_socket.send(encode_audio(stamp_us, raw_id, pcm)):
            return
        record.sent.append(
            SentFrame(
                emission.number,
                raw_id or MIXED_TRACK,
                stamp_us,
                now,
                emission.era,
                emission.clock_ms,
                emission.is_clean and now >= self._busy_until,
                emission.is_silent,
                emission.is_copy,
            )
        )

    def _connect(self, delay: float) -> None:
        self._connecting = self._loop.create_task(self._open(delay))

    async def _open(self, delay: float) -> None:
        """Open a socket to the other replica, or to whichever accepts it."""
        await asyncio.sleep(delay)
        while True:
            self._replica = next(
                replica for replica in self._replicas if replica is not self._replica
            )
            replica = self._replica
            correlation_id = f"soak-{self.call}-{len(self.records)}"
            started_at = self._loop.time()
            try:
                media_socket = await MediaSocket.open(replica.port, self.call, correlation_id)
            except (OSError, HandshakeRefused, TimeoutError):
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            break
        record = SocketRecord(
            self.call, correlation_id, replica.name, self._plan.sample_rate, started_at
        )
        media_socket.send(encode_metadata(self._plan.sample_rate))
        self.records.append(record)
        self._socket, self._record = media_socket, record
        self._watch(self._note_end(media_socket, record))

    def _watch(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _close(self, media_socket: MediaSocket) -> None:
        try:
            await asyncio.wait_for(media_socket.close(), _CLOSE_SECONDS)
        except TimeoutError:
            self.errors.append(f"{self.call}: a close was not answered in {_CLOSE_SECONDS:.0f} s")
            media_socket.drop()

    async def _note_end(self, media_socket: MediaSocket, record: SocketRecord) -> None:
        """Wait for a socket's end, and note why it ended."""
        await media_socket.closed.wait()
        record.ended_at = self._loop.time()
        if media_socket.close_code is not None:
            record.ended_by = f"{media_socket.close_code} {media_socket.close_reason}"
            if media_socket.close_code != _GOING_AWAY:
                self.errors.append(f"{record.correlation_id}: closed with {record.ended_by}")
        elif not record.ended_by:
            record.ended_by = "connection lost"


def encode_metadata(sample_rate: int) -> bytes:
    """Encode an AudioMetadata packet as ACS does."""
    return (
        '{"kind":"AudioMetadata","audioMetadata":{"subscriptionId":"soak","encoding":"PCM",'
        f'"sampleRate":{sample_rate},"channels":1,"length":{sample_rate // 25}}}}}'
    ).encode()


def encode_audio(stamp_us: int | None, raw_id: str | None, pcm: bytes | None) -> bytes:
    """Encode an AudioData packet as ACS does; ``pcm`` None: a silent frame without data."""
    members = []
    if stamp_us is not None:
        stamp = datetime.fromtimestamp(stamp_us / 1e6, UTC).isoformat(timespec="milliseconds")
        members.append(f'"timestamp":"{stamp.replace("+00:00", "Z")}"')
    if raw_id is not None:
        members.append(f'"participantRawID":"{raw_id}"')
    if pcm is not None:
        members.append(f'"data":"{base64.b64encode(pcm).decode()}"')
    members.append(f'"silent":{"true" if pcm is None else "false"}')
    return f'{{"kind":"AudioData","audioData":{{{",".join(members)}}}}}'.encode()
