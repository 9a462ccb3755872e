"""Counting what was deleted, and what remains."""

from __future__ import annotations

from datetime import UTC, datetime

from calls.retention.model import (
    DeletedBlobs,
    Plan,
    Receipt,
    StoredBlob,
    add_deleted,
    digest_of,
    summarize_remaining,
)
from tests.calls.retention.calls_to_delete import ADMIN

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def new_receipt() -> Receipt:
    return Receipt(
        id="0" * 32, call_connection_id="a-call", scope="call", requested_at=NOW, requested_by=ADMIN
    )


def test_what_was_deleted_is_counted_by_container() -> None:
    receipt = new_receipt()
    one, two = StoredBlob("a", 1), StoredBlob("b", 10)
    current = StoredBlob("c", 100, is_counted=False)
    add_deleted(receipt, Plan("segments", [one, two, current]), set())
    add_deleted(receipt, Plan("segments", [StoredBlob("c", 100, version="1")]), set())
    add_deleted(receipt, Plan("calls", [one, two]), {one})
    add_deleted(receipt, Plan("drafts", [one]), {one})
    assert receipt.deleted == [
        DeletedBlobs(container="calls", count=1, bytes=10),
        DeletedBlobs(container="segments", count=3, bytes=111),
    ]


def test_what_remains_says_until_when() -> None:
    later = NOW.replace(year=2030)
    refused = {
        "recordings": {
            StoredBlob("a", 1, immutable_until=NOW),
            StoredBlob("b", 2, immutable_until=later),
        },
        "manifests": {StoredBlob("c", 4)},
        "segments": set[StoredBlob](),
    }
    remaining = summarize_remaining(refused)
    assert [(left.container, left.count, left.bytes, left.until) for left in remaining] == [
        ("manifests", 1, 4, None),
        ("recordings", 2, 3, later),
    ]


def test_a_digest_is_of_everything_but_itself() -> None:
    receipt = new_receipt()
    digest = digest_of(receipt)
    receipt.digest = digest
    assert digest_of(receipt) == digest
    receipt.completed_at = NOW
    assert digest_of(receipt) != digest
