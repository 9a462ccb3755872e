"""What each operation is called and does, for people and for generated clients.

The ids are the names of the app's functions; those of HEAD begin with ``head``.
"""

from __future__ import annotations

from typing import NamedTuple

TAGS = {
    "calls": "place calls, stream their audio, hang up",
    "events": "what happens in calls, for programs that follow them",
    "results": "recording, timeline, transcript, and links to the audio",
    "retention": "delete calls, and place them on legal hold",
    "audit": "who did what, and who may",
    "failures": "segments and manifests that failed permanently",
    "service": "callbacks of ACS, health, and this document",
    "console": "the console's files; not a part of the versioned interface",
}


class Text(NamedTuple):
    """The id of an operation, the tag that it belongs to, and its description."""

    operation_id: str
    tag: str
    description: str


TEXTS = {
    "GET /api/v1/calls": Text(
        "list_calls",
        "calls",
        "Newest first, if `sort` says nothing else; `-` is for descending, and calls without a "
        "duration are last. Pages follow each other by `cursor`, and by the header `Link`. No call "
        "is on two of them, and none hides another one, whatever changes while you read. `q` "
        "searches in transcripts, which asks for the role Listener: the calls then have `matches`, "
        "and a page may be short although there are more.",
    ),
    "GET /api/v1/calls.csv": Text(
        "export_calls",
        "calls",
        "The filters and the order of the list. A header and a record per call, in UTF-8 with a "
        "byte order mark; times are in UTC, and phone numbers are `tel:` URIs. A response has up "
        "to 4 MiB: the header `Link` leads to the rest.",
    ),
    "POST /api/v1/calls": Text(
        "place_call",
        "calls",
        "ACS places the call and tells the app by callback events how it goes: look at the call's "
        "`state`. With an `Idempotency-Key`, repeats return the existing call.",
    ),
    "GET /api/v1/calls/{id}": Text(
        "show_call",
        "calls",
        "`streams` has what the streams' manifests list, and `landed_segments` what has been "
        "uploaded since. `summary` is there once the call is assembled.",
    ),
    "GET /api/v1/calls/{id}/events": Text(
        "list_events",
        "events",
        "Long polling: begin without `after`, then send the last answer's `cursor`, with `wait_s`. "
        "An answer with a `Retry-After` was not allowed to wait, or no longer, because too many "
        "others do. An event may come twice, and events of one answer are sorted by time.",
    ),
    "PATCH /api/v1/calls/{id}": Text(
        "change_call",
        "calls",
        "A JSON merge patch: what is absent stays as it is, and null removes. `tags` are replaced "
        "as a whole.",
    ),
    "POST /api/v1/calls/{id}/pause": Text(
        "pause_call",
        "calls",
        "ACS stops streaming, and the recording has silence in the pause. Wait until the state of "
        "the streaming is `inactive`: what is said before is still recorded. A repeat changes "
        "nothing.",
    ),
    "POST /api/v1/calls/{id}/resume": Text(
        "resume_call",
        "calls",
        "A call that is being streamed stays as it is.",
    ),
    "POST /api/v1/calls/{id}/streaming/start": Text(
        "start_streaming",
        "calls",
        "A call may be streamed in several parts. The state changes to `active` when ACS says so.",
    ),
    "POST /api/v1/calls/{id}/streaming/stop": Text(
        "stop_streaming",
        "calls",
        "The call goes on. The state changes to `inactive` when ACS says so.",
    ),
    "POST /api/v1/calls/{id}/hangup": Text(
        "hang_up",
        "calls",
        "For all participants. A call that has ended stays as it is, so it is safe to repeat this.",
    ),
    "DELETE /api/v1/calls/{id}": Text(
        "delete_call",
        "retention",
        "Nothing of the call is shown from then on, and what arrives late is deleted, too. Follow "
        "`Location`. A call that has not ended is refused, unless `hangup=true` ends it. It is "
        "safe to repeat this. With `participant`, a track of the timeline or a raw id, only that "
        "participant is erased, and the rest is assembled again.",
    ),
    "GET /api/v1/deletions/{id}": Text(
        "show_deletion",
        "retention",
        "Once `state` is `completed`, this is the receipt. It is kept, and has no personal data.",
    ),
    "PUT /api/v1/calls/{id}/hold": Text(
        "place_hold",
        "retention",
        "Neither a request nor its retention deletes the call then. Another `reason` begins a new "
        "hold.",
    ),
    "DELETE /api/v1/calls/{id}/hold": Text(
        "release_hold",
        "retention",
        "If its retention has ended meanwhile, the call is deleted the day after.",
    ),
    "POST /api/v1/calls/{id}/links": Text(
        "create_links",
        "results",
        "Each link opens one blob without a key, until `expires_at`. Name the `blobs`, or leave "
        "them out for all audio of the call.",
    ),
    "GET /api/v1/calls/{id}/timeline": Text(
        "show_timeline",
        "results",
        "Times are milliseconds from the recording's start. The tracks are in the order of the "
        "recording's channels.",
    ),
    "GET /api/v1/calls/{id}/transcript": Text(
        "show_transcript",
        "results",
        "JSON shows every state. The other formats are there only once the transcript is complete.",
    ),
    "GET /api/v1/calls/{id}/transcript.{format}": Text(
        "show_transcript_as",
        "results",
        "As `transcript`, for those who cannot send `Accept`.",
    ),
    "POST /api/v1/calls/{id}/transcript/retry": Text(
        "retry_transcript",
        "results",
        "Only what failed is transcribed again.",
    ),
    "GET /api/v1/calls/{id}/recording": Text(
        "send_recording",
        "results",
        "One channel per track, in the timeline's order. Without `Range`, a redirect leads to a "
        "short-lived link to the file.",
    ),
    "HEAD /api/v1/calls/{id}/recording": Text(
        "head_recording", "results", "The headers of the recording: its size, type and entity tag."
    ),
    "GET /api/v1/calls/{id}/export": Text(
        "export_call",
        "results",
        "202 while the file is being built: repeat the request after `Retry-After`. Then, without "
        "`Range`, a redirect leads to a short-lived link to the file, which is kept for a day.",
    ),
    "GET /api/v1/calls/{id}/segments/{track}/{index}": Text(
        "send_segment",
        "results",
        "`track` is the participant's number in the call (`p1`), or `mixed`. Its segments are "
        "numbered from 0, in the order of their start.",
    ),
    "HEAD /api/v1/calls/{id}/segments/{track}/{index}": Text(
        "head_segment", "results", "The headers of the segment: its size, type and entity tag."
    ),
    "GET /api/v1/deliveries": Text(
        "list_deliveries",
        "events",
        "An event that an endpoint has not taken within 24 hours, or that an endpoint answered "
        "with 410, stays here until it is sent again, or its call is deleted.",
    ),
    "POST /api/v1/deliveries/{id}/retry": Text(
        "retry_delivery",
        "events",
        "With the same event id, and for another 24 hours. An endpoint that had answered 410 gets "
        "events again from then on.",
    ),
    "GET /api/v1/failures": Text(
        "list_failures", "failures", "Newest first. A failed blob stays in storage until a retry."
    ),
    "POST /api/v1/failures/{id}/retry": Text(
        "retry_failure",
        "failures",
        "The failure leaves the list, and returns if the blob fails again.",
    ),
    "GET /api/v1/me": Text(
        "show_me", "audit", "`operations` has the ids of the operations that the roles allow."
    ),
    "GET /api/v1/audit": Text(
        "read_audit",
        "audit",
        "Oldest first. A page may be short, or empty, although there are more: follow `cursor` "
        "until it is null.",
    ),
    "POST /api/v1/callbacks": Text(
        "receive_callbacks",
        "service",
        "For ACS only, which signs its requests. Each event is recorded or refused on its own.",
    ),
    "GET /api/v1/openapi.json": Text(
        "show_openapi", "service", "It needs no key, and holds nothing that is secret."
    ),
    "GET /api/v1/health": Text(
        "health", "service", "It looks at nothing else: neither at storage nor at ACS."
    ),
    "GET /api/v1/health/acs": Text(
        "show_acs_health",
        "audit",
        "While `CALLBACK_TOKEN_CHECK` and the streamer's `TOKEN_CHECK` are `learn`, it has what "
        "the newest tokens say, and what to set next. It never has a token.",
    ),
    "GET /api/console": Text(
        "show_console", "console", "The page asks for the function key, and holds no data itself."
    ),
    "GET /api/console/{file}": Text(
        "show_console_file", "console", "Fixed files, the same for everyone."
    ),
}
"""The text of each operation, by its route."""
