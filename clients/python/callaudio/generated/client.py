"""A method for each operation, for a client to inherit: it sends the requests."""

from __future__ import annotations

import datetime
from typing import Any

import httpx

from .api.audit import read_audit as _read_audit
from .api.audit import show_acs_health as _show_acs_health
from .api.audit import show_me as _show_me
from .api.calls import change_call as _change_call
from .api.calls import hang_up as _hang_up
from .api.calls import list_calls as _list_calls
from .api.calls import pause_call as _pause_call
from .api.calls import place_call as _place_call
from .api.calls import resume_call as _resume_call
from .api.calls import show_call as _show_call
from .api.calls import start_streaming as _start_streaming
from .api.calls import stop_streaming as _stop_streaming
from .api.events import list_deliveries as _list_deliveries
from .api.events import list_events as _list_events
from .api.events import retry_delivery as _retry_delivery
from .api.failures import list_failures as _list_failures
from .api.failures import retry_failure as _retry_failure
from .api.results import create_links as _create_links
from .api.results import retry_transcript as _retry_transcript
from .api.results import show_timeline as _show_timeline
from .api.results import show_transcript as _show_transcript
from .api.retention import delete_call as _delete_call
from .api.retention import place_hold as _place_hold
from .api.retention import release_hold as _release_hold
from .api.retention import show_deletion as _show_deletion
from .api.service import health as _health
from .models.acs_health import AcsHealth
from .models.audit_page import AuditPage
from .models.call import Call
from .models.call_details import CallDetails
from .models.call_page import CallPage
from .models.call_state import CallState
from .models.change_call import ChangeCall
from .models.create_links import CreateLinks
from .models.deletion import Deletion
from .models.delivery import Delivery
from .models.delivery_page import DeliveryPage
from .models.direction import Direction
from .models.event_list import EventList
from .models.failure import Failure
from .models.failure_list import FailureList
from .models.health import Health
from .models.hold import Hold
from .models.links import Links
from .models.list_calls_sort import ListCallsSort
from .models.list_deliveries_state import ListDeliveriesState
from .models.me import Me
from .models.pause_call import PauseCall
from .models.place_call import PlaceCall
from .models.place_hold import PlaceHold
from .models.result_state import ResultState
from .models.start_streaming import StartStreaming
from .models.stop_streaming import StopStreaming
from .models.timeline import Timeline
from .models.transcript import Transcript
from .types import UNSET, Unset

NAMES = frozenset(
    {
        "list_calls",
        "place_call",
        "export_calls",
        "show_call",
        "change_call",
        "pause_call",
        "resume_call",
        "start_streaming",
        "stop_streaming",
        "hang_up",
        "delete_call",
        "show_deletion",
        "place_hold",
        "release_hold",
        "list_events",
        "list_deliveries",
        "retry_delivery",
        "create_links",
        "show_timeline",
        "show_transcript",
        "show_transcript_as",
        "retry_transcript",
        "send_recording",
        "export_call",
        "send_segment",
        "list_failures",
        "retry_failure",
        "show_me",
        "read_audit",
        "show_acs_health",
        "health",
    }
)
"""The ids of all operations."""


class Operations:
    """The operations that answer with a document, for a synchronous client."""

    def _send(self, request: dict[str, Any]) -> httpx.Response:
        """Send a request of these arguments; return a successful response."""
        raise NotImplementedError

    def list_calls(
        self,
        *,
        state: CallState | Unset = UNSET,
        result_state: ResultState | Unset = UNSET,
        direction: Direction | Unset = UNSET,
        participant: str | Unset = UNSET,
        from_: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        tag: list[str] | Unset = UNSET,
        min_duration: int | Unset = UNSET,
        sort: ListCallsSort | Unset = UNSET,
        q: str | Unset = UNSET,
        limit: int | Unset = 20,
        cursor: str | Unset = UNSET,
    ) -> CallPage:
        """List the calls, filtered and sorted.

        Newest first, if `sort` says nothing else; `-` is for descending, and calls without a
        duration are last. Pages follow each other by `cursor`, and by the header `Link`. No
        call is on two of them, and none hides another one, whatever changes while you read. `q`
        searches in transcripts, which asks for the role Listener: the calls then have
        `matches`, and a page may be short although there are more.

        Args:
            state (CallState | Unset):
            result_state (ResultState | Unset):
            direction (Direction | Unset):
            participant (str | Unset):
            from_ (datetime.datetime | Unset):
            until (datetime.datetime | Unset):
            tag (list[str] | Unset):
            min_duration (int | Unset):
            sort (ListCallsSort | Unset):
            q (str | Unset):
            limit (int | Unset):  Default: 20.
            cursor (str | Unset):
        """
        request = _list_calls.build_request(
            state=state,
            result_state=result_state,
            direction=direction,
            participant=participant,
            from_=from_,
            until=until,
            tag=tag,
            min_duration=min_duration,
            sort=sort,
            q=q,
            limit=limit,
            cursor=cursor,
        )
        return _list_calls.parse_response(self._send(request))

    def place_call(
        self,
        *,
        body: PlaceCall,
        idempotency_key: str | Unset = UNSET,
    ) -> Call:
        """Place a call with media streaming.

        ACS places the call and tells the app by callback events how it goes: look at the call's
        `state`. With an `Idempotency-Key`, repeats return the existing call.

        Args:
            idempotency_key (str | Unset):
            body (PlaceCall):
        """
        request = _place_call.build_request(
            body=body,
            idempotency_key=idempotency_key,
        )
        return _place_call.parse_response(self._send(request))

    def show_call(
        self,
        id: str,
    ) -> CallDetails:
        """Show one call with its streams and segments.

        `streams` has what the streams' manifests list, and `landed_segments` what has been
        uploaded since. `summary` is there once the call is assembled.

        Args:
            id (str):
        """
        request = _show_call.build_request(
            id=id,
        )
        return _show_call.parse_response(self._send(request))

    def change_call(
        self,
        id: str,
        *,
        body: ChangeCall | Unset = UNSET,
    ) -> Call:
        """Change the tags and notes of a call.

        A JSON merge patch: what is absent stays as it is, and null removes. `tags` are replaced
        as a whole.

        Args:
            id (str):
            body (ChangeCall | Unset):
        """
        request = _change_call.build_request(
            id=id,
            body=body,
        )
        return _change_call.parse_response(self._send(request))

    def pause_call(
        self,
        id: str,
        *,
        body: PauseCall | Unset = UNSET,
    ) -> Call:
        """Pause the recording.

        ACS stops streaming, and the recording has silence in the pause. Wait until the state of
        the streaming is `inactive`: what is said before is still recorded. A repeat changes
        nothing.

        Args:
            id (str):
            body (PauseCall | Unset):
        """
        request = _pause_call.build_request(
            id=id,
            body=body,
        )
        return _pause_call.parse_response(self._send(request))

    def resume_call(
        self,
        id: str,
    ) -> Call:
        """Resume a paused recording.

        A call that is being streamed stays as it is.

        Args:
            id (str):
        """
        request = _resume_call.build_request(
            id=id,
        )
        return _resume_call.parse_response(self._send(request))

    def start_streaming(
        self,
        id: str,
        *,
        body: StartStreaming | Unset = UNSET,
    ) -> Call:
        """Start the media streaming.

        A call may be streamed in several parts. The state changes to `active` when ACS says so.

        Args:
            id (str):
            body (StartStreaming | Unset):
        """
        request = _start_streaming.build_request(
            id=id,
            body=body,
        )
        return _start_streaming.parse_response(self._send(request))

    def stop_streaming(
        self,
        id: str,
        *,
        body: StopStreaming | Unset = UNSET,
    ) -> Call:
        """Stop the media streaming.

        The call goes on. The state changes to `inactive` when ACS says so.

        Args:
            id (str):
            body (StopStreaming | Unset):
        """
        request = _stop_streaming.build_request(
            id=id,
            body=body,
        )
        return _stop_streaming.parse_response(self._send(request))

    def hang_up(
        self,
        id: str,
    ) -> None:
        """Hang up for everyone, if the call has not ended.

        For all participants. A call that has ended stays as it is, so it is safe to repeat
        this.

        Args:
            id (str):
        """
        request = _hang_up.build_request(
            id=id,
        )
        return _hang_up.parse_response(self._send(request))

    def delete_call(
        self,
        id: str,
        *,
        hangup: bool | Unset = False,
        participant: str | Unset = UNSET,
    ) -> Deletion:
        """Delete everything of a call, or of one participant.

        Nothing of the call is shown from then on, and what arrives late is deleted, too. Follow
        `Location`. A call that has not ended is refused, unless `hangup=true` ends it. It is
        safe to repeat this. With `participant`, a track of the timeline or a raw id, only that
        participant is erased, and the rest is assembled again.

        Args:
            id (str):
            hangup (bool | Unset):  Default: False.
            participant (str | Unset):
        """
        request = _delete_call.build_request(
            id=id,
            hangup=hangup,
            participant=participant,
        )
        return _delete_call.parse_response(self._send(request))

    def show_deletion(
        self,
        id: str,
    ) -> Deletion:
        """Show a deletion, and finally its receipt.

        Once `state` is `completed`, this is the receipt. It is kept, and has no personal data.

        Args:
            id (str):
        """
        request = _show_deletion.build_request(
            id=id,
        )
        return _show_deletion.parse_response(self._send(request))

    def place_hold(
        self,
        id: str,
        *,
        body: PlaceHold,
    ) -> Hold:
        """Place a call on legal hold.

        Neither a request nor its retention deletes the call then. Another `reason` begins a new
        hold.

        Args:
            id (str):
            body (PlaceHold):
        """
        request = _place_hold.build_request(
            id=id,
            body=body,
        )
        return _place_hold.parse_response(self._send(request))

    def release_hold(
        self,
        id: str,
    ) -> None:
        """Release a call from its legal hold.

        If its retention has ended meanwhile, the call is deleted the day after.

        Args:
            id (str):
        """
        request = _release_hold.build_request(
            id=id,
        )
        return _release_hold.parse_response(self._send(request))

    def list_events(
        self,
        id: str,
        *,
        after: str | Unset = UNSET,
        wait_s: int | Unset = 0,
    ) -> EventList:
        """Follow a call: what has happened, or as soon as something does.

        Long polling: begin without `after`, then send the last answer's `cursor`, with
        `wait_s`. An answer with a `Retry-After` was not allowed to wait, or no longer, because
        too many others do. An event may come twice, and events of one answer are sorted by
        time.

        Args:
            id (str):
            after (str | Unset):
            wait_s (int | Unset):  Default: 0.
        """
        request = _list_events.build_request(
            id=id,
            after=after,
            wait_s=wait_s,
        )
        return _list_events.parse_response(self._send(request))

    def list_deliveries(
        self,
        *,
        state: ListDeliveriesState | Unset = "dead",
        limit: int | Unset = 100,
        cursor: str | Unset = UNSET,
    ) -> DeliveryPage:
        """List the events that could not be delivered.

        An event that an endpoint has not taken within 24 hours, or that an endpoint answered
        with 410, stays here until it is sent again, or its call is deleted.

        Args:
            state (ListDeliveriesState | Unset):  Default: 'dead'.
            limit (int | Unset):  Default: 100.
            cursor (str | Unset):
        """
        request = _list_deliveries.build_request(
            state=state,
            limit=limit,
            cursor=cursor,
        )
        return _list_deliveries.parse_response(self._send(request))

    def retry_delivery(
        self,
        id: str,
    ) -> Delivery:
        """Send an event again that could not be delivered.

        With the same event id, and for another 24 hours. An endpoint that had answered 410 gets
        events again from then on.

        Args:
            id (str):
        """
        request = _retry_delivery.build_request(
            id=id,
        )
        return _retry_delivery.parse_response(self._send(request))

    def create_links(
        self,
        id: str,
        *,
        body: CreateLinks | Unset = UNSET,
    ) -> Links:
        """Create short-lived, read-only links to the call's audio.

        Each link opens one blob without a key, until `expires_at`. Name the `blobs`, or leave
        them out for all audio of the call.

        Args:
            id (str):
            body (CreateLinks | Unset):
        """
        request = _create_links.build_request(
            id=id,
            body=body,
        )
        return _create_links.parse_response(self._send(request))

    def show_timeline(
        self,
        id: str,
        *,
        allow_partial: bool | Unset = False,
    ) -> Timeline:
        """Show who spoke when.

        Times are milliseconds from the recording's start. The tracks are in the order of the
        recording's channels.

        Args:
            id (str):
            allow_partial (bool | Unset):  Default: False.
        """
        request = _show_timeline.build_request(
            id=id,
            allow_partial=allow_partial,
        )
        return _show_timeline.parse_response(self._send(request))

    def show_transcript(
        self,
        id: str,
        *,
        allow_partial: bool | Unset = False,
    ) -> Transcript:
        """Show the transcript, in the format that Accept names.

        JSON shows every state. The other formats are there only once the transcript is
        complete.

        Args:
            id (str):
            allow_partial (bool | Unset):  Default: False.
        """
        request = _show_transcript.build_request(
            id=id,
            allow_partial=allow_partial,
        )
        return _show_transcript.parse_response(self._send(request))

    def retry_transcript(
        self,
        id: str,
    ) -> Transcript:
        """Transcribe a call again whose transcript has failed.

        Only what failed is transcribed again.

        Args:
            id (str):
        """
        request = _retry_transcript.build_request(
            id=id,
        )
        return _retry_transcript.parse_response(self._send(request))

    def list_failures(
        self,
    ) -> FailureList:
        """List the segments and manifests that failed permanently.

        Newest first. A failed blob stays in storage until a retry.
        """
        request = _list_failures.build_request()
        return _list_failures.parse_response(self._send(request))

    def retry_failure(
        self,
        id: str,
    ) -> Failure:
        """Retry a segment or manifest that failed permanently.

        The failure leaves the list, and returns if the blob fails again.

        Args:
            id (str):
        """
        request = _retry_failure.build_request(
            id=id,
        )
        return _retry_failure.parse_response(self._send(request))

    def show_me(
        self,
    ) -> Me:
        """Show who sends the request, and what they may do.

        `operations` has the ids of the operations that the roles allow.
        """
        request = _show_me.build_request()
        return _show_me.parse_response(self._send(request))

    def read_audit(
        self,
        *,
        from_: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        call: str | Unset = UNSET,
        principal: str | Unset = UNSET,
        limit: int | Unset = 100,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """Read the audit trail.

        Oldest first. A page may be short, or empty, although there are more: follow `cursor`
        until it is null.

        Args:
            from_ (datetime.datetime | Unset): only entries at this time or later
            until (datetime.datetime | Unset): only entries before this time
            call (str | Unset): only entries of this call
            principal (str | Unset): only entries of the principal of this id
            limit (int | Unset):  Default: 100.
            cursor (str | Unset):
        """
        request = _read_audit.build_request(
            from_=from_,
            until=until,
            call=call,
            principal=principal,
            limit=limit,
            cursor=cursor,
        )
        return _read_audit.parse_response(self._send(request))

    def show_acs_health(
        self,
    ) -> AcsHealth:
        """Show what ACS's bearer tokens are like, and what to set.

        While `CALLBACK_TOKEN_CHECK` and the streamer's `TOKEN_CHECK` are `learn`, it has what
        the newest tokens say, and what to set next. It never has a token.
        """
        request = _show_acs_health.build_request()
        return _show_acs_health.parse_response(self._send(request))

    def health(
        self,
    ) -> Health:
        """Check that the app is running.

        It looks at nothing else: neither at storage nor at ACS.
        """
        request = _health.build_request()
        return _health.parse_response(self._send(request))


class AsyncOperations:
    """The operations that answer with a document, for an asynchronous client."""

    async def _send(self, request: dict[str, Any]) -> httpx.Response:
        """Send a request of these arguments; return a successful response."""
        raise NotImplementedError

    async def list_calls(
        self,
        *,
        state: CallState | Unset = UNSET,
        result_state: ResultState | Unset = UNSET,
        direction: Direction | Unset = UNSET,
        participant: str | Unset = UNSET,
        from_: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        tag: list[str] | Unset = UNSET,
        min_duration: int | Unset = UNSET,
        sort: ListCallsSort | Unset = UNSET,
        q: str | Unset = UNSET,
        limit: int | Unset = 20,
        cursor: str | Unset = UNSET,
    ) -> CallPage:
        """List the calls, filtered and sorted.

        Newest first, if `sort` says nothing else; `-` is for descending, and calls without a
        duration are last. Pages follow each other by `cursor`, and by the header `Link`. No
        call is on two of them, and none hides another one, whatever changes while you read. `q`
        searches in transcripts, which asks for the role Listener: the calls then have
        `matches`, and a page may be short although there are more.

        Args:
            state (CallState | Unset):
            result_state (ResultState | Unset):
            direction (Direction | Unset):
            participant (str | Unset):
            from_ (datetime.datetime | Unset):
            until (datetime.datetime | Unset):
            tag (list[str] | Unset):
            min_duration (int | Unset):
            sort (ListCallsSort | Unset):
            q (str | Unset):
            limit (int | Unset):  Default: 20.
            cursor (str | Unset):
        """
        request = _list_calls.build_request(
            state=state,
            result_state=result_state,
            direction=direction,
            participant=participant,
            from_=from_,
            until=until,
            tag=tag,
            min_duration=min_duration,
            sort=sort,
            q=q,
            limit=limit,
            cursor=cursor,
        )
        return _list_calls.parse_response(await self._send(request))

    async def place_call(
        self,
        *,
        body: PlaceCall,
        idempotency_key: str | Unset = UNSET,
    ) -> Call:
        """Place a call with media streaming.

        ACS places the call and tells the app by callback events how it goes: look at the call's
        `state`. With an `Idempotency-Key`, repeats return the existing call.

        Args:
            idempotency_key (str | Unset):
            body (PlaceCall):
        """
        request = _place_call.build_request(
            body=body,
            idempotency_key=idempotency_key,
        )
        return _place_call.parse_response(await self._send(request))

    async def show_call(
        self,
        id: str,
    ) -> CallDetails:
        """Show one call with its streams and segments.

        `streams` has what the streams' manifests list, and `landed_segments` what has been
        uploaded since. `summary` is there once the call is assembled.

        Args:
            id (str):
        """
        request = _show_call.build_request(
            id=id,
        )
        return _show_call.parse_response(await self._send(request))

    async def change_call(
        self,
        id: str,
        *,
        body: ChangeCall | Unset = UNSET,
    ) -> Call:
        """Change the tags and notes of a call.

        A JSON merge patch: what is absent stays as it is, and null removes. `tags` are replaced
        as a whole.

        Args:
            id (str):
            body (ChangeCall | Unset):
        """
        request = _change_call.build_request(
            id=id,
            body=body,
        )
        return _change_call.parse_response(await self._send(request))

    async def pause_call(
        self,
        id: str,
        *,
        body: PauseCall | Unset = UNSET,
    ) -> Call:
        """Pause the recording.

        ACS stops streaming, and the recording has silence in the pause. Wait until the state of
        the streaming is `inactive`: what is said before is still recorded. A repeat changes
        nothing.

        Args:
            id (str):
            body (PauseCall | Unset):
        """
        request = _pause_call.build_request(
            id=id,
            body=body,
        )
        return _pause_call.parse_response(await self._send(request))

    async def resume_call(
        self,
        id: str,
    ) -> Call:
        """Resume a paused recording.

        A call that is being streamed stays as it is.

        Args:
            id (str):
        """
        request = _resume_call.build_request(
            id=id,
        )
        return _resume_call.parse_response(await self._send(request))

    async def start_streaming(
        self,
        id: str,
        *,
        body: StartStreaming | Unset = UNSET,
    ) -> Call:
        """Start the media streaming.

        A call may be streamed in several parts. The state changes to `active` when ACS says so.

        Args:
            id (str):
            body (StartStreaming | Unset):
        """
        request = _start_streaming.build_request(
            id=id,
            body=body,
        )
        return _start_streaming.parse_response(await self._send(request))

    async def stop_streaming(
        self,
        id: str,
        *,
        body: StopStreaming | Unset = UNSET,
    ) -> Call:
        """Stop the media streaming.

        The call goes on. The state changes to `inactive` when ACS says so.

        Args:
            id (str):
            body (StopStreaming | Unset):
        """
        request = _stop_streaming.build_request(
            id=id,
            body=body,
        )
        return _stop_streaming.parse_response(await self._send(request))

    async def hang_up(
        self,
        id: str,
    ) -> None:
        """Hang up for everyone, if the call has not ended.

        For all participants. A call that has ended stays as it is, so it is safe to repeat
        this.

        Args:
            id (str):
        """
        request = _hang_up.build_request(
            id=id,
        )
        return _hang_up.parse_response(await self._send(request))

    async def delete_call(
        self,
        id: str,
        *,
        hangup: bool | Unset = False,
        participant: str | Unset = UNSET,
    ) -> Deletion:
        """Delete everything of a call, or of one participant.

        Nothing of the call is shown from then on, and what arrives late is deleted, too. Follow
        `Location`. A call that has not ended is refused, unless `hangup=true` ends it. It is
        safe to repeat this. With `participant`, a track of the timeline or a raw id, only that
        participant is erased, and the rest is assembled again.

        Args:
            id (str):
            hangup (bool | Unset):  Default: False.
            participant (str | Unset):
        """
        request = _delete_call.build_request(
            id=id,
            hangup=hangup,
            participant=participant,
        )
        return _delete_call.parse_response(await self._send(request))

    async def show_deletion(
        self,
        id: str,
    ) -> Deletion:
        """Show a deletion, and finally its receipt.

        Once `state` is `completed`, this is the receipt. It is kept, and has no personal data.

        Args:
            id (str):
        """
        request = _show_deletion.build_request(
            id=id,
        )
        return _show_deletion.parse_response(await self._send(request))

    async def place_hold(
        self,
        id: str,
        *,
        body: PlaceHold,
    ) -> Hold:
        """Place a call on legal hold.

        Neither a request nor its retention deletes the call then. Another `reason` begins a new
        hold.

        Args:
            id (str):
            body (PlaceHold):
        """
        request = _place_hold.build_request(
            id=id,
            body=body,
        )
        return _place_hold.parse_response(await self._send(request))

    async def release_hold(
        self,
        id: str,
    ) -> None:
        """Release a call from its legal hold.

        If its retention has ended meanwhile, the call is deleted the day after.

        Args:
            id (str):
        """
        request = _release_hold.build_request(
            id=id,
        )
        return _release_hold.parse_response(await self._send(request))

    async def list_events(
        self,
        id: str,
        *,
        after: str | Unset = UNSET,
        wait_s: int | Unset = 0,
    ) -> EventList:
        """Follow a call: what has happened, or as soon as something does.

        Long polling: begin without `after`, then send the last answer's `cursor`, with
        `wait_s`. An answer with a `Retry-After` was not allowed to wait, or no longer, because
        too many others do. An event may come twice, and events of one answer are sorted by
        time.

        Args:
            id (str):
            after (str | Unset):
            wait_s (int | Unset):  Default: 0.
        """
        request = _list_events.build_request(
            id=id,
            after=after,
            wait_s=wait_s,
        )
        return _list_events.parse_response(await self._send(request))

    async def list_deliveries(
        self,
        *,
        state: ListDeliveriesState | Unset = "dead",
        limit: int | Unset = 100,
        cursor: str | Unset = UNSET,
    ) -> DeliveryPage:
        """List the events that could not be delivered.

        An event that an endpoint has not taken within 24 hours, or that an endpoint answered
        with 410, stays here until it is sent again, or its call is deleted.

        Args:
            state (ListDeliveriesState | Unset):  Default: 'dead'.
            limit (int | Unset):  Default: 100.
            cursor (str | Unset):
        """
        request = _list_deliveries.build_request(
            state=state,
            limit=limit,
            cursor=cursor,
        )
        return _list_deliveries.parse_response(await self._send(request))

    async def retry_delivery(
        self,
        id: str,
    ) -> Delivery:
        """Send an event again that could not be delivered.

        With the same event id, and for another 24 hours. An endpoint that had answered 410 gets
        events again from then on.

        Args:
            id (str):
        """
        request = _retry_delivery.build_request(
            id=id,
        )
        return _retry_delivery.parse_response(await self._send(request))

    async def create_links(
        self,
        id: str,
        *,
        body: CreateLinks | Unset = UNSET,
    ) -> Links:
        """Create short-lived, read-only links to the call's audio.

        Each link opens one blob without a key, until `expires_at`. Name the `blobs`, or leave
        them out for all audio of the call.

        Args:
            id (str):
            body (CreateLinks | Unset):
        """
        request = _create_links.build_request(
            id=id,
            body=body,
        )
        return _create_links.parse_response(await self._send(request))

    async def show_timeline(
        self,
        id: str,
        *,
        allow_partial: bool | Unset = False,
    ) -> Timeline:
        """Show who spoke when.

        Times are milliseconds from the recording's start. The tracks are in the order of the
        recording's channels.

        Args:
            id (str):
            allow_partial (bool | Unset):  Default: False.
        """
        request = _show_timeline.build_request(
            id=id,
            allow_partial=allow_partial,
        )
        return _show_timeline.parse_response(await self._send(request))

    async def show_transcript(
        self,
        id: str,
        *,
        allow_partial: bool | Unset = False,
    ) -> Transcript:
        """Show the transcript, in the format that Accept names.

        JSON shows every state. The other formats are there only once the transcript is
        complete.

        Args:
            id (str):
            allow_partial (bool | Unset):  Default: False.
        """
        request = _show_transcript.build_request(
            id=id,
            allow_partial=allow_partial,
        )
        return _show_transcript.parse_response(await self._send(request))

    async def retry_transcript(
        self,
        id: str,
    ) -> Transcript:
        """Transcribe a call again whose transcript has failed.

        Only what failed is transcribed again.

        Args:
            id (str):
        """
        request = _retry_transcript.build_request(
            id=id,
        )
        return _retry_transcript.parse_response(await self._send(request))

    async def list_failures(
        self,
    ) -> FailureList:
        """List the segments and manifests that failed permanently.

        Newest first. A failed blob stays in storage until a retry.
        """
        request = _list_failures.build_request()
        return _list_failures.parse_response(await self._send(request))

    async def retry_failure(
        self,
        id: str,
    ) -> Failure:
        """Retry a segment or manifest that failed permanently.

        The failure leaves the list, and returns if the blob fails again.

        Args:
            id (str):
        """
        request = _retry_failure.build_request(
            id=id,
        )
        return _retry_failure.parse_response(await self._send(request))

    async def show_me(
        self,
    ) -> Me:
        """Show who sends the request, and what they may do.

        `operations` has the ids of the operations that the roles allow.
        """
        request = _show_me.build_request()
        return _show_me.parse_response(await self._send(request))

    async def read_audit(
        self,
        *,
        from_: datetime.datetime | Unset = UNSET,
        until: datetime.datetime | Unset = UNSET,
        call: str | Unset = UNSET,
        principal: str | Unset = UNSET,
        limit: int | Unset = 100,
        cursor: str | Unset = UNSET,
    ) -> AuditPage:
        """Read the audit trail.

        Oldest first. A page may be short, or empty, although there are more: follow `cursor`
        until it is null.

        Args:
            from_ (datetime.datetime | Unset): only entries at this time or later
            until (datetime.datetime | Unset): only entries before this time
            call (str | Unset): only entries of this call
            principal (str | Unset): only entries of the principal of this id
            limit (int | Unset):  Default: 100.
            cursor (str | Unset):
        """
        request = _read_audit.build_request(
            from_=from_,
            until=until,
            call=call,
            principal=principal,
            limit=limit,
            cursor=cursor,
        )
        return _read_audit.parse_response(await self._send(request))

    async def show_acs_health(
        self,
    ) -> AcsHealth:
        """Show what ACS's bearer tokens are like, and what to set.

        While `CALLBACK_TOKEN_CHECK` and the streamer's `TOKEN_CHECK` are `learn`, it has what
        the newest tokens say, and what to set next. It never has a token.
        """
        request = _show_acs_health.build_request()
        return _show_acs_health.parse_response(await self._send(request))

    async def health(
        self,
    ) -> Health:
        """Check that the app is running.

        It looks at nothing else: neither at storage nor at ACS.
        """
        request = _health.build_request()
        return _health.parse_response(await self._send(request))
