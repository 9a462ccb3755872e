"""How many calls a principal may place: at the same time, and on a day (UTC).

A principal's calls are counted in one blob, which all instances change under its ETag. A call is
*reserved* there before ACS is asked for it, so that the limits hold however many requests come at
once. Requests that a process gets at the same time share a read and a write; so only processes
meet at the ETag, not single requests.

A reservation counts until its call has ended. No event releases it: when the limit seems to be
reached, the grants and records of the reserved calls are read, and those that have ended are
dropped. A reservation whose grant is still not bound after ``RESERVATION_LIFETIME`` is dropped,
too: its process died. It still counts for the day, since ACS may have placed the call.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from weakref import WeakKeyDictionary

import msgspec
from azure.core.exceptions import AzureError

from calls import blobs
from calls.errors import (
    CallAudioError,
    Contended,
    TooManyCallsToday,
    TooManyConcurrentCalls,
)
from calls.principals import Principal
from calls.records.model import CallRecord
from calls.settings import Settings
from calls.storage import Storage
from contract import names
from contract.grants import LIFETIME, StreamGrant, decode_grant
from event_log import log_event

RESERVATION_LIFETIME = timedelta(minutes=5)
"""Placing a call takes less, even if ACS and Blob Storage have to be asked again."""

_MAX_ATTEMPTS = 30
_LOOK_AGAIN_SECONDS = 1.0
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5

_log = logging.getLogger(__name__)


class Reservation(msgspec.Struct, kw_only=True, frozen=True):
    """A call that is about to be placed, or was placed.

    Attributes:
        id: The same for all requests that place the same call (with an Idempotency-Key).
        grant: The blob of its stream grant, which says which call it is and whether it has ended.
        begun_at: When it was reserved.
    """

    id: str
    grant: str
    begun_at: datetime


class Usage(msgspec.Struct, kw_only=True):
    """A principal's calls: ``placed`` on ``day`` (UTC), and those not known to have ended."""

    day: date = date.min
    placed: int = 0
    reservations: list[Reservation] = msgspec.field(default_factory=list)


class _Request:
    """A request that waits for the decision about its reservation."""

    def __init__(self, reservation: Reservation) -> None:
        self.reservation = reservation
        self.is_decided = False
        self.error: CallAudioError | AzureError | None = None


class _Queue:
    """The requests of one principal in this process; whoever has the lock decides for all."""

    def __init__(self) -> None:
        self.requests: list[_Request] = []
        self.lock = asyncio.Lock()
        self._looked_at = -math.inf

    def may_look_for_ended_calls(self) -> bool:
        """Whether it is time to look again: requests beyond a limit must not cost many reads."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_AGAIN_SECONDS:
            return False
        self._looked_at = now
        return True


_queues: WeakKeyDictionary[Storage, dict[str, _Queue]] = WeakKeyDictionary()


class CallLimits:
    """The limits on one principal's calls, as one instance of the app keeps them."""

    def __init__(self, storage: Storage, settings: Settings, principal: Principal) -> None:
        self._storage = storage
        self._most_at_once = settings.max_concurrent_calls
        self._most_a_day = settings.max_calls_per_day
        self._blob = blobs.usage_blob(principal)
        self._queue = _queues.setdefault(storage, {}).setdefault(self._blob, _Queue())

    async def reserve(self, reservation: Reservation) -> None:
        """Count a call that is about to be placed.

        Raises TooManyConcurrentCalls, TooManyCallsToday, Contended, AzureError: the call must not
        be placed.
        """
        if not self._are_on:
            return
        request = _Request(reservation)
        self._queue.requests.append(request)
        try:
            async with self._queue.lock:
                if not request.is_decided:
                    await self._decide_or_fail(list(self._queue.requests))
        finally:
            self._queue.requests.remove(request)
        if request.error is not None:
            raise request.error

    async def release(self, reservation: Reservation) -> None:
        """Give back a reservation whose call was not placed.

        A failure is only logged: the reservation is dropped after ``RESERVATION_LIFETIME``.
        """
        if not self._are_on:
            return

        async def remove(usage: Usage) -> bool:
            others = [each for each in usage.reservations if each.id != reservation.id]
            if len(others) == len(usage.reservations):
                return False
            usage.reservations = others
            if reservation.begun_at.astimezone(UTC).date() == usage.day:
                usage.placed -= 1
            return True

        try:
            async with self._queue.lock:
                await self._change(remove)
        except (AzureError, Contended) as error:
            log_event(_log, logging.WARNING, "call_not_released", error=type(error).__name__)

    @property
    def _are_on(self) -> bool:
        return bool(self._most_at_once or self._most_a_day)

    async def _decide_or_fail(self, requests: list[_Request]) -> None:
        """Decide about requests; if that fails, it fails for all of them."""
        try:
            await self._decide(requests)
        except (AzureError, Contended) as error:
            for each in requests:
                each.error = error
        for each in requests:
            each.is_decided = True

    async def _decide(self, requests: list[_Request]) -> None:
        """Decide about requests, oldest first, with one write. Raises Contended, AzureError."""
        now = max(each.reservation.begun_at for each in requests).astimezone(UTC)
        ended_reservations: set[Reservation] | None = None

        async def admit(usage: Usage) -> bool:
            nonlocal ended_reservations
            if usage.day < now.date():
                usage.day, usage.placed = now.date(), 0
            is_full = len(usage.reservations) + len(requests) > self._most_at_once > 0
            if ended_reservations is None and is_full and self._queue.may_look_for_ended_calls():
                ended_reservations = await self._find_ended(usage.reservations, now)
            usage.reservations = [
                each
                for each in usage.reservations
                if each not in (ended_reservations or ())
                # Without this limit, they only serve to recognize repeated requests.
                and (self._most_at_once or now - each.begun_at <= RESERVATION_LIFETIME)
            ]
            for each in requests:
                each.error = self._admit(usage, each.reservation)
            return any(each.error is None for each in requests)

        await self._change(admit)

    def _admit(self, usage: Usage, reservation: Reservation) -> CallAudioError | None:
        """Add a reservation, or return which limit forbids it."""
        for number, existing in enumerate(usage.reservations):
            if existing.id == reservation.id:
                # An earlier request was for the same call, which counts once.
                usage.reservations[number] = reservation
                return None
        if 0 < self._most_at_once <= len(usage.reservations):
            return TooManyConcurrentCalls(self._most_at_once)
        if 0 < self._most_a_day <= usage.placed:
            midnight = datetime.combine(usage.day + timedelta(days=1), datetime.min.time(), UTC)
            seconds = (midnight - reservation.begun_at).total_seconds()
            return TooManyCallsToday(self._most_a_day, max(1, round(seconds)))
        usage.placed += 1
        usage.reservations.append(reservation)
        return None

    async def _find_ended(self, reservations: list[Reservation], now: datetime) -> set[Reservation]:
        """Return the reservations that no longer count."""
        documents = await self._storage.read_all(names.GRANTS, [r.grant for r in reservations])
        grants = [decode_grant(document.content) if document else None for document in documents]
        calls = {grant.call_connection_id for grant in grants if grant} - {None}
        blob_names = {call: blobs.call_blob(call) for call in calls if call is not None}
        records = await self._storage.read_all(blobs.CALLS, list(blob_names.values()))
        ended_calls = {
            call
            for call, document in zip(blob_names, records, strict=True)
            if document and msgspec.json.decode(document.content, type=CallRecord).has_ended
        }
        return {
            reservation
            for reservation, grant in zip(reservations, grants, strict=True)
            if _has_ended(reservation, grant, ended_calls, now)
        }

    async def _change(self, apply: Callable[[Usage], Awaitable[bool]]) -> None:
        """Change the principal's usage under its ETag.

        ``apply`` changes it and returns whether it did; it may run several times. Raises Contended,
        AzureError.
        """
        longest_pause = _FIRST_PAUSE_SECONDS
        for _ in range(_MAX_ATTEMPTS):
            document = await self._storage.read(blobs.IDEMPOTENCY, self._blob)
            usage = msgspec.json.decode(document.content, type=Usage) if document else Usage()
            if not await apply(usage):
                return
            content = msgspec.json.encode(usage)
            if document is None:
                is_written = await self._storage.create(blobs.IDEMPOTENCY, self._blob, content)
            else:
                is_written = await self._storage.replace(
                    blobs.IDEMPOTENCY, self._blob, content, document.etag
                )
            if is_written:
                return
            # Other instances place calls, too. A random pause keeps them from meeting again.
            await asyncio.sleep(random.uniform(0, longest_pause))  # noqa: S311
            longest_pause = min(2 * longest_pause, _LONGEST_PAUSE_SECONDS)
        raise Contended("the calls of this principal are being placed too often")


def _has_ended(
    reservation: Reservation,
    grant: StreamGrant | None,
    ended_calls: set[str],
    now: datetime,
) -> bool:
    age = now - reservation.begun_at
    if grant is None or grant.call_connection_id is None:
        return age > RESERVATION_LIFETIME
    return grant.ended_at is not None or grant.call_connection_id in ended_calls or age > LIFETIME
