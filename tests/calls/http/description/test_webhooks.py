"""The schemas of events: those that the app builds conform to them, and all are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import jsonschema
import msgspec
import pytest

from acs.events import ResultInformation
from calls.events.cloud_events import build_event, deletion_milestone, segment_milestone
from calls.http import openapi
from calls.http.description.webhooks import EVENTS
from calls.records.milestones import add_milestones, add_transcript
from calls.records.model import EventRecord, Milestone, MilestoneType, new_record
from calls.settings import Settings
from calls.subscribers import DeletedCall
from contract import names
from tests.calls.records.test_milestones import summary

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def milestones() -> list[Milestone]:
    """A milestone of each type."""
    call, failed = new_record("c1", NOW), new_record("c2", NOW)
    call.connected_at = call.ended_at = NOW
    call.events = [EventRecord(id="e1", type="MediaStreamingStarted", time=NOW)]
    call.state, call.result_state, call.summary = "disconnected", "final", summary("a" * 64)
    add_milestones(call, NOW)
    add_transcript(call, "complete", "digest", NOW)
    failed.state, failed.ended_at = "failed", NOW
    failed.result = ResultInformation(code=486, sub_code=None, message="busy")
    add_milestones(failed, NOW)
    segment = names.SegmentName("c1", "20260301T093000000Z-0123abcd", "p1", NOW)
    return [
        *call.milestones,
        *failed.milestones,
        segment_milestone(segment, 1000.4, NOW),
        deletion_milestone(DeletedCall(deletion_id="0" * 32, deleted_at=NOW)),
    ]


def test_every_type_is_described() -> None:
    types = set(get_args(MilestoneType))
    assert set(EVENTS) == types
    assert set(openapi.document()["webhooks"]) == types
    assert {milestone.type for milestone in milestones()} == types


@pytest.mark.parametrize("milestone", milestones(), ids=lambda milestone: milestone.type)
def test_an_event_conforms_to_its_schema(milestone: Milestone) -> None:
    event = build_event(Settings(callback_url="https://app.example"), "c1", milestone)
    document: Any = msgspec.json.decode(msgspec.json.encode(event))
    operation = openapi.document()["webhooks"][milestone.type]["post"]
    schema = operation["requestBody"]["content"]["application/cloudevents+json"]["schema"]
    strict = schema | {"additionalProperties": False}
    strict["properties"] = strict["properties"] | {
        "data": strict["properties"]["data"] | {"additionalProperties": False}
    }
    jsonschema.validate(document, strict)
    assert operation["operationId"] == f"receive_{milestone.type.replace('.', '_')}"
