"""The documents of events that the HTTP interface answers with; see ``documents``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from calls.events.cloud_events import CloudEvent
from calls.http.documents import CallId, Time

INTERNAL: dict[str, frozenset[str]] = {"DeadLetter": frozenset({"schema", "url"})}
"""The members of stored structs that are not shown: a URL may be a secret."""


class EventList(msgspec.Struct, kw_only=True):
    """What has happened in a call since `after`, as CloudEvents 1.0."""

    events: Annotated[
        list[CloudEvent], Meta(description="the same event may come twice, with the same id")
    ]
    call_changed: Annotated[
        bool, Meta(description="the call itself has changed: read it again to see how")
    ]
    cursor: Annotated[
        str, Meta(description="the next request's `after`", examples=["2.845.5f1d3a7c90be"])
    ]


class Delivery(msgspec.Struct, kw_only=True):
    """An event that could not be delivered to an endpoint."""

    id: Annotated[str, Meta(description="for the retry")]
    state: Annotated[Literal["dead"], Meta(description="nothing is tried until it is sent again")]
    call_connection_id: CallId
    endpoint: Annotated[
        str,
        Meta(
            description="its name in `WEBHOOKS`; `call`: the call's `webhook_url`; `event-grid`: "
            "the topic",
            examples=["crm"],
        ),
    ]
    event: CloudEvent
    attempts: int
    first_at: Annotated[Time, Meta(description="when it was due")]
    failed_at: Time
    error: Annotated[
        str, Meta(description="of the last attempt, or why there was none", examples=["status 500"])
    ]


class DeliveryPage(msgspec.Struct, kw_only=True):
    """Deliveries, by their calls."""

    deliveries: list[Delivery]
    cursor: Annotated[
        str | None, Meta(description="of the next page; null at the end, not where a page is short")
    ]
