"""Simulated incoming calls: IncomingCall events, posted to a webhook as Event Grid posts them.

Source: Microsoft's ``communication-services-voice-video-events.md`` (the event),
``webhook-event-delivery.md`` (the validation) and ``incoming-call-notification.md`` (30 s of
ringing, two deliveries). The statuses with which ACS refuses a context are not documented: these
are plausible ones.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import msgspec

from acs.events import INCOMING_CALL
from acs.identifiers import phone_number_raw_id
from event_log import log_event
from local.emulator import audio_files
from local.emulator.errors import AcsError, call_not_found
from local.emulator.requests import communication_identifier

_log = logging.getLogger(__name__)
_DELIVERIES = 2
_TIMEOUT = aiohttp.ClientTimeout(total=30)


class IncomingCallRequest(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The body of ``POST /emulator/incoming``. ``from`` and ``to``: phone numbers or raw ids.

    ``display_name`` is the caller's. ``age_seconds`` is how long the call has been ringing when the
    app receives the event. ``audio`` has the paths of audio files, for ``from``, ``to`` and further
    participants. ``audio`` and ``hang_up_at_end`` replace the emulator's settings for this call.
    """

    from_: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="from")
    to: Annotated[str, msgspec.Meta(min_length=1)]
    display_name: str = ""
    age_seconds: float = 0.0
    audio: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    hang_up_at_end: bool | None = None


class IncomingCall:
    """One incoming call. ``id`` is its correlation id.

    ``deliveries`` has the HTTP status of each delivery of its event; 0 stands for no answer.
    """

    def __init__(self, request: IncomingCallRequest, ring_seconds: float) -> None:
        self.id = str(uuid.uuid4())
        self.server_call_id = uuid.uuid4().hex
        self.from_, self.to = _raw_id(request.from_), _raw_id(request.to)
        self.display_name = request.display_name
        # ACS's contexts, too, look like unsigned tokens.
        parts = ({"alg": "none"}, {"cc": secrets.token_urlsafe(32)})
        encoded = [base64.urlsafe_b64encode(msgspec.json.encode(p)).rstrip(b"=") for p in parts]
        self.context = b".".join([*encoded, b""]).decode()
        self.began_at = datetime.now(UTC) - timedelta(seconds=request.age_seconds)
        self.audio = None if request.audio is None else [Path(path) for path in request.audio]
        self.hang_up_at_end = request.hang_up_at_end
        self.call_connection_id: str | None = None
        self.deliveries: list[int] = []
        self._rings_until = time.monotonic() + ring_seconds - request.age_seconds

    @property
    def state(self) -> str:
        """``ringing``, ``answered`` or ``missed``."""
        if self.call_connection_id is not None:
            return "answered"
        return "ringing" if time.monotonic() < self._rings_until else "missed"

    def describe(self) -> dict[str, Any]:
        """The call for the control interface: everything but the context."""
        return {
            "id": self.id,
            "state": self.state,
            "call_connection_id": self.call_connection_id,
            "deliveries": self.deliveries,
        }


class IncomingCalls:
    """Simulates incoming calls and posts their events to the webhook.

    Args:
        webhook: Its URL; empty: incoming calls are refused.
        ring_seconds: How long a call rings before it is missed.
        redelivery_seconds: How long after a failed delivery the second one follows.
    """

    def __init__(self, webhook: str, ring_seconds: float, redelivery_seconds: float) -> None:
        self._webhook = webhook
        self._ring_seconds = ring_seconds
        self._redelivery_seconds = redelivery_seconds
        self._is_validated = False
        self._calls: dict[str, IncomingCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Cancel all deliveries."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def simulate_incoming_call(self, body: bytes, *, twice: bool) -> IncomingCall:
        """Start an incoming call. ``twice`` delivers its event twice at the same time.

        Raises AcsError, AudioFileError, msgspec.DecodeError.
        """
        if not self._webhook:
            raise AcsError(
                409,
                "8500",
                "No webhook for incoming calls: start the emulator with "
                "ACS_EMULATOR_INCOMING_WEBHOOK.",
            )
        request = msgspec.json.decode(body, type=IncomingCallRequest)
        for path in request.audio or ():
            audio_files.check(Path(path))
        incoming = IncomingCall(request, self._ring_seconds)
        self._calls[incoming.id] = incoming
        event = _event(incoming)
        for _ in range(2 if twice else 1):
            task = asyncio.create_task(self._deliver(incoming, event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return incoming

    def find(self, call_id: str) -> IncomingCall:
        """Return an incoming call by its id. Raises AcsError."""
        incoming = self._calls.get(call_id)
        if incoming is None:
            raise call_not_found()
        return incoming

    def find_ringing(self, context: str) -> IncomingCall:
        """Return the ringing call that ``context`` answers. Raises AcsError."""
        incoming = next((c for c in self._calls.values() if c.context == context), None)
        if incoming is None:
            raise AcsError(400, "8523", "The incoming call context is invalid.")
        if incoming.state == "answered":
            raise AcsError(409, "8519", "The call is answered already.")
        if incoming.state == "missed":
            raise call_not_found()
        return incoming

    async def _deliver(self, incoming: IncomingCall, event: dict[str, Any]) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for number in range(_DELIVERIES):
                if number:
                    await asyncio.sleep(self._redelivery_seconds)
                try:
                    status = await self._post(session, event, number)
                    reason = f"HTTP {status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    # Its message may contain the webhook's URL, and so the key.
                    status, reason = 0, type(error).__name__
                incoming.deliveries.append(status)
                if 200 <= status < 300:
                    return
                log_event(
                    _log,
                    logging.WARNING,
                    "incoming_call_delivery_failed",
                    correlation=incoming.id,
                    attempt=number + 1,
                    reason=reason,
                )

    async def _post(
        self, session: aiohttp.ClientSession, event: dict[str, Any], number: int
    ) -> int:
        """Post an event, after the webhook's validation; return the HTTP status."""
        if not self._is_validated:
            status = await self._validate(session, event["topic"])
            if status != 200:
                return status
            self._is_validated = True
        headers = {"aeg-event-type": "Notification", "aeg-delivery-count": str(number)}
        async with session.post(self._webhook, json=[event], headers=headers) as response:
            return response.status

    async def _validate(self, session: aiohttp.ClientSession, topic: str) -> int:
        """Validate the webhook; return 200, its error status, or 400 for a wrong answer."""
        code = str(uuid.uuid4())
        event = {
            "id": str(uuid.uuid4()),
            "topic": topic,
            "subject": "",
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "data": {"validationCode": code},
            "dataVersion": "2",
            "metadataVersion": "1",
        }
        headers = {"aeg-event-type": "SubscriptionValidation"}
        async with session.post(self._webhook, json=[event], headers=headers) as response:
            answer = await response.json(content_type=None) if response.status == 200 else None
            if answer == {"validationResponse": code}:
                return 200
            return response.status if response.status >= 300 else 400


def _event(incoming: IncomingCall) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": "/subscriptions/local/resourcegroups/local/providers/"
        "microsoft.communication/communicationservices/emulator",
        "subject": f"/caller/{incoming.from_}/recipient/{incoming.to}",
        "data": {
            "to": communication_identifier(incoming.to),
            "from": communication_identifier(incoming.from_),
            "serverCallId": incoming.server_call_id,
            "callerDisplayName": incoming.display_name,
            "incomingCallContext": incoming.context,
            "correlationId": incoming.id,
        },
        "eventType": INCOMING_CALL,
        "dataVersion": "1.0",
        "metadataVersion": "1",
        # ACS writes seven decimal places.
        "eventTime": incoming.began_at.isoformat(timespec="microseconds").replace("+00:00", "0Z"),
    }


def _raw_id(text: str) -> str:
    return phone_number_raw_id(text) if text.startswith("+") else text
