"""Events as CloudEvents: their attributes, and ids that never change."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from calls.events.cloud_events import build_event, event_id, segment_milestone
from calls.records.model import Milestone
from calls.settings import Settings
from contract import names

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STREAM = "20260301T093000000Z-0123abcd"


def test_an_event_has_the_attributes_of_cloud_events() -> None:
    settings = Settings(callback_url="https://app.example/")
    milestone = Milestone(type="call.final", what="x", time=NOW, data={"result_state": "final"})
    event = msgspec.json.decode(msgspec.json.encode(build_event(settings, "c1", milestone)))
    assert event == {
        "specversion": "1.0",
        "id": event_id("c1", milestone),
        "type": "call.final",
        "source": "https://app.example/api/v1/calls",
        "subject": "c1",
        "time": "2026-03-01T09:30:00Z",
        "datacontenttype": "application/json",
        "data": {"call_connection_id": "c1", "result_state": "final"},
    }


def test_the_id_says_what_happened_and_not_when_it_was_told() -> None:
    milestone = Milestone(type="call.final", what="final a", time=NOW)
    assert event_id("c1", milestone) == "evt_e9167e314436e77196424e8a0f60972c"
    later = Milestone(type="call.final", what="final a", time=NOW.replace(hour=10), data={"x": 1})
    assert event_id("c1", later) == event_id("c1", milestone)
    others = [
        event_id("c2", milestone),
        event_id("c1", Milestone(type="call.final", what="final b", time=NOW)),
        event_id("c1", Milestone(type="transcript.final", what="final a", time=NOW)),
    ]
    assert len({event_id("c1", milestone), *others}) == 4
    assert "." not in event_id("c1", milestone), "Standard Webhooks signs it as a separator"


def test_a_segment_is_named_by_its_blob() -> None:
    segment = names.SegmentName("c1", STREAM, "p1", NOW)
    milestone = segment_milestone(segment, 9999.6, NOW)
    assert milestone.what == segment.blob
    assert milestone.data == {
        "blob": f"segments/{segment.blob}",
        "stream_id": STREAM,
        "track": "p1",
        "start": "2026-03-01T09:30:00Z",
        "duration_ms": 10000,
    }
