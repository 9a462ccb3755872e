"""The public documents of results show every stored member that is not internal."""

from __future__ import annotations

import msgspec
import pytest

from calls.http.documents import Call
from calls.http.result_documents import INTERNAL, CallDetails, Failure, Timeline, Transcript
from calls.results import failures, timeline
from calls.transcripts import model


def names(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)}


@pytest.mark.parametrize(
    ("document", "stored", "added"),
    [
        (Failure, failures.Failure, set()),
        (Timeline, timeline.Timeline, {"result_state", "pauses", "announcements"}),
        (Transcript, model.Transcript, {"result_state"}),
    ],
)
def test_a_stored_member_is_shown_or_internal(
    document: type[msgspec.Struct], stored: type[msgspec.Struct], added: set[str]
) -> None:
    """The record has the result's state, which is ``added`` to the documents of results."""
    internal = INTERNAL[stored.__name__]
    assert names(document) | internal == names(stored) | added
    assert not names(document) & internal


def test_the_details_of_a_call_add_to_it() -> None:
    added = names(CallDetails) - names(Call)
    assert added == {"hold", "events", "streams", "landed_segments", "failures"}
