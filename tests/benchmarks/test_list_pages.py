"""The benchmark of the list of calls: what it makes is what the app reads, and what it prints."""

from __future__ import annotations

import random
import uuid

import pytest
from azure.storage.blob.aio import BlobServiceClient

from benchmarks.list_pages import FILTERS, Pages, Run, create_record, format_table, make_calls
from calls import blobs
from calls.index.rebuilding import compare
from calls.records.change_log import read_checkpoint
from calls.storage import Storage


def test_calls_are_spread_over_a_hundred_days() -> None:
    source = random.Random(1)
    days = {create_record(number, 1000, source).created_at.date() for number in range(1000)}
    assert len(days) == 100


async def test_the_index_that_is_made_is_that_of_the_records(
    storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BlobServiceClient.from_connection_string(storage) as service:
        for name in ("CALLS", "INDEX"):
            monkeypatch.setattr(blobs, name, f"{name.lower()}-{uuid.uuid4().hex}")
            await service.create_container(getattr(blobs, name))
        await make_calls(storage, 100, 100)
        checkpoint, _ = await read_checkpoint(Storage(service))
        assert len(checkpoint.days) == 100
        assert await compare(Storage(service)) == []


def test_the_table_has_each_filter_with_its_ratio() -> None:
    few, many = (
        Run(calls, 5.0, dict.fromkeys(FILTERS, Pages(1.0, 2.0, cpu)))
        for calls, cpu in ((10_000, 2.0), (100_000, 2.5))
    )
    lines = format_table(few, many).splitlines()
    assert len(lines) == 3 + len(FILTERS)
    assert lines[3] == "| newest first | 1.0, 2.0, 2.0 ms | 1.0, 2.0, 2.5 ms | 1.25 |"
