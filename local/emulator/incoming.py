"""Phones that ring: IncomingCall events, told to a webhook as Event Grid tells of them.

Source: Microsoft's ``communication-services-voice-video-events.md`` (the event),
``webhook-event-delivery.md`` (the handshake) and ``incoming-call-notification.md`` (30 s of
ringing, two deliveries). With which status ACS refuses a context is documented nowhere: these are
plausible.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import aiohttp
import msgspec

from acs.events import INCOMING_CALL
from acs.identifiers import phone_number_raw_id
from local.emulator.call import Refused

_log = logging.getLogger(__name__)
_DELIVERIES = 2
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class LetRing(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /emulator/incoming``: phone numbers, or raw ids.

    ``age_seconds`` is how long the call rings already when the app is told.
    """

    from_: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="from")
    to: Annotated[str, msgspec.Meta(min_length=1)]
    age_seconds: float = 0.0


class Ring:
    """One call that rings, or rang. ``id`` is its correlation id."""

    def __init__(self, asked: LetRing, ring_seconds: float) -> None:
        self.id = str(uuid.uuid4())
        self.server_call_id = uuid.uuid4().hex
        self.from_, self.to = _raw_id(asked.from_), _raw_id(asked.to)
        # As ACS writes it: a token that is signed by nobody.
        parts = ({"alg": "none"}, {"cc": secrets.token_urlsafe(32)})
        encoded = [base64.urlsafe_b64encode(msgspec.json.encode(p)).rstrip(b"=") for p in parts]
        self.context = b".".join([*encoded, b""]).decode()
        self.began_at = datetime.now(UTC) - timedelta(seconds=asked.age_seconds)
        self.call_connection_id: str | None = None
        self.deliveries: list[int] = []
        self._over = time.monotonic() + ring_seconds - asked.age_seconds

    @property
    def state(self) -> str:
        """``ringing``, ``answered`` or ``missed``."""
        if self.call_connection_id is not None:
            return "answered"
        return "ringing" if time.monotonic() < self._over else "missed"

    def describe(self) -> dict[str, Any]:
        """For the control interface: all but the context."""
        return {
            "id": self.id,
            "state": self.state,
            "call_connection_id": self.call_connection_id,
            "deliveries": self.deliveries,
        }


class IncomingCalls:
    """Lets phones ring, and tells the webhook of each: again where that fails."""

    def __init__(self, webhook: str, ring_seconds: float, redelivery_seconds: float) -> None:
        self._webhook = webhook
        self._ring_seconds = ring_seconds
        self._redelivery_seconds = redelivery_seconds
        self._greeted = False
        self._rings: dict[str, Ring] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Tell of nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def let_ring(
        self, body: bytes, identifier: Callable[[str], dict[str, Any]], *, twice: bool
    ) -> Ring:
        """Let a phone ring. Raises Refused, msgspec.DecodeError."""
        if not self._webhook:
            raise Refused(409, "8500", "No webhook is told of incoming calls.")
        ring = Ring(msgspec.json.decode(body, type=LetRing), self._ring_seconds)
        self._rings[ring.id] = ring
        event = _event(ring, identifier)
        for _ in range(2 if twice else 1):
            task = asyncio.create_task(self._tell(ring, event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return ring

    def find(self, ring_id: str) -> Ring:
        """A call that rings, or rang. Raises Refused."""
        ring = self._rings.get(ring_id)
        if ring is None:
            raise Refused(404, "8522", "Call not found.")
        return ring

    def ringing(self, context: str) -> Ring:
        """The call that a context answers. Raises Refused."""
        ring = next((r for r in self._rings.values() if r.context == context), None)
        if ring is None:
            raise Refused(400, "8523", "The incoming call context is invalid.")
        if ring.state == "answered":
            raise Refused(409, "8519", "The call is answered already.")
        if ring.state == "missed":
            raise Refused(404, "8522", "Call not found.")
        return ring

    async def _tell(self, ring: Ring, event: dict[str, Any]) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for number in range(_DELIVERIES):
                if number:
                    await asyncio.sleep(self._redelivery_seconds)
                try:
                    status = await self._deliver(session, event, number)
                except (aiohttp.ClientError, TimeoutError) as error:
                    # Its text may hold the webhook's address, and with it the key.
                    _log.warning("IncomingCall is not delivered: %s", type(error).__name__)
                    status = 0
                ring.deliveries.append(status)
                if 200 <= status < 300:
                    return
                _log.warning("IncomingCall is not delivered: HTTP %d", status)

    async def _deliver(
        self, session: aiohttp.ClientSession, event: dict[str, Any], number: int
    ) -> int:
        if not self._greeted:
            code = str(uuid.uuid4())
            greeting = {
                "id": str(uuid.uuid4()),
                "topic": event["topic"],
                "subject": "",
                "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
                "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "data": {"validationCode": code},
                "dataVersion": "2",
                "metadataVersion": "1",
            }
            headers = {"aeg-event-type": "SubscriptionValidation"}
            async with session.post(self._webhook, json=[greeting], headers=headers) as answer:
                answered = await answer.json(content_type=None) if answer.status == 200 else None
                if answered != {"validationResponse": code}:
                    return answer.status if answer.status >= 300 else 400
            self._greeted = True
        headers = {"aeg-event-type": "Notification", "aeg-delivery-count": str(number)}
        async with session.post(self._webhook, json=[event], headers=headers) as answer:
            return answer.status


def _event(ring: Ring, identifier: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": "/subscriptions/local/resourcegroups/local/providers/"
        "microsoft.communication/communicationservices/emulator",
        "subject": f"/caller/{ring.from_}/recipient/{ring.to}",
        "data": {
            "to": identifier(ring.to),
            "from": identifier(ring.from_),
            "serverCallId": ring.server_call_id,
            "callerDisplayName": "",
            "incomingCallContext": ring.context,
            "correlationId": ring.id,
        },
        "eventType": INCOMING_CALL,
        "dataVersion": "1.0",
        "metadataVersion": "1",
        # Seven digits, as on the wire.
        "eventTime": ring.began_at.isoformat(timespec="microseconds").replace("+00:00", "0Z"),
    }


def _raw_id(text: str) -> str:
    return phone_number_raw_id(text) if text.startswith("+") else text
