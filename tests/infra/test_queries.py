"""The Kusto queries and events in the documentation are about what the programs log."""

from __future__ import annotations

import re
from itertools import chain

import msgspec
import pytest

from event_log import format_event
from infra.shell import ROOT
from streamer.stats import Stats

DOC = (ROOT / "docs" / "azure.md").read_text()
QUERIES = re.findall(r"```kusto\n(.*?)```", DOC, re.DOTALL)
EVENTS = {
    event
    for text in (*QUERIES, (ROOT / "SECURITY.md").read_text())
    for event in re.findall(
        r"\b((?:request|handshake)_(?:refused|warned)|incoming_call|streamer_stats"
        r"|acs_token_different)\b",
        text,
    )
}


def find_query(event: str) -> str:
    """Return the only query that reads an event."""
    query: str
    (query,) = (query for query in QUERIES if re.search(rf"\b{event}\b", query))
    return query


def read_fields(query: str) -> list[str]:
    """Return the fields that a query reads with parse-kv."""
    (fields,) = re.findall(r"\| parse-kv \w+ as \((.*?)\) with \(pair_delimiter=' ', ", query)
    return re.findall(r"(\w+): (?:int|long|real|string)", fields)


def test_there_is_a_query_for_each_event() -> None:
    assert sorted(EVENTS) == [
        "acs_token_different",
        "handshake_refused",
        "handshake_warned",
        "incoming_call",
        "request_refused",
        "request_warned",
        "streamer_stats",
    ]
    for event in EVENTS:
        assert read_fields(find_query(event))


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_event_is_logged(event: str) -> None:
    """A line of the code logs it by its name."""
    files = chain((ROOT / "calls").rglob("*.py"), (ROOT / "streamer").glob("*.py"))
    assert any(f'"{event}"' in file.read_text() for file in files)


def test_query_for_the_statistics_reads_all_of_them() -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(Stats)}
    query = find_query("streamer_stats")
    assert read_fields(query) == list(fields)
    for name, kind in re.findall(r"(\w+): (int|long|real)\b", query):
        assert (kind == "real") == (fields[name] is float), name


def test_pairs_are_delimited_as_events_are_written() -> None:
    assert format_event("incoming_call", {"outcome": "left", "reason": 'a "b"=c\\'}) == (
        r'incoming_call outcome=left reason="a \"b\"=c\\"'
    )
    parsing = [query for query in QUERIES if "parse-kv" in query]
    assert len(parsing) == 5
    for query in parsing:
        assert """(pair_delimiter=' ', kv_delimiter='=', quote='"'""" in query
