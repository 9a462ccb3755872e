"""The documents of events that the HTTP interface answers with; see ``documents``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from calls.events.cloud_events import CloudEvent


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
