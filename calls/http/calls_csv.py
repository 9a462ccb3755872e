"""The list of calls as CSV (RFC 4180), for spreadsheets and scripts.

It is UTF-8 with a byte order mark: without one, Excel reads it in the computer's own code page.
What people have written, such as notes, never is a formula (see ``csv_cells``). A phone number
begins with ``+``: a spreadsheet would take it for a sum and show 1.55512E+10, and an apostrophe
before it would be a part of the number for every other program. So phone numbers are ``tel:`` URIs
(RFC 3966), which both leave as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import azure.functions as func

from acs.identifiers import is_phone_number
from calls.clients import Clients
from calls.csv_cells import to_cell, to_csv
from calls.http import ranges
from calls.http.call_list import FILTERS, encode_cursor, next_link, read_selected
from calls.http.call_search import QUERY
from calls.http.query_parameters import takes_query
from calls.index.rows import row_of
from calls.index.selection import Cursor, Selection, sort_column
from calls.records.model import CallRecord

MAX_ROWS = 5000
_DEFAULT_ROWS = 1000
MAX_BYTES = ranges.MAX_BYTES
"""The most bytes in one response; a page that would have more ends earlier."""

_BOM = "\ufeff"
_SEPARATOR = "; "

COLUMNS = (
    "call_connection_id",
    "created_at_utc",
    "connected_at_utc",
    "ended_at_utc",
    "duration_s",
    "state",
    "result_state",
    "direction",
    "from",
    "to",
    "participants",
    "names",
    "tags",
    "notes",
    "channels",
    "sample_rate_hz",
    "recording_s",
    "speech_share",
    "overlap_s",
    "longest_silence_s",
    "interruptions",
    "lost_audio_s",
    "missing_segments",
    "hung_up_reason",
)
"""The header; a new column comes last."""


class _Rows(NamedTuple):
    lines: list[str]
    last: CallRecord | None


@takes_query(*FILTERS, QUERY, "sort", "limit", "cursor")
async def export_calls(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/v1/calls.csv``: a header, and a record per call; ``Link`` has the next page.

    Raises Problem (400, 403, 409), InvalidCursor, SearchNotReady, SearchUnavailable, AzureError.
    """
    selected = await read_selected(clients, request, _DEFAULT_ROWS, MAX_ROWS)
    selection, next_cursor = selected.selection, selected.cursor
    rows = _format_rows([record for record, _ in selected.calls])
    if rows.last is not None:
        next_cursor = _cursor_of(rows.last, selection)
    headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    if next_cursor is not None:
        headers["Link"] = next_link(
            request,
            "/api/v1/calls.csv",
            selected.limit,
            encode_cursor(next_cursor, selection.sort),
        )
    content = (_BOM + to_csv([COLUMNS]) + "".join(rows.lines)).encode()
    return func.HttpResponse(content, mimetype="text/csv", charset="utf-8", headers=headers)


def _format_rows(records: list[CallRecord]) -> _Rows:
    """Return the lines of as many calls as fit, and the last of them if some did not."""
    lines: list[str] = []
    size = len((_BOM + to_csv([COLUMNS])).encode())
    for number, record in enumerate(records):
        line = to_csv([format_row(record)])
        size += len(line.encode())
        if size > MAX_BYTES:
            return _Rows(lines, records[number - 1])
        lines.append(line)
    return _Rows(lines, None)


def _cursor_of(record: CallRecord, selection: Selection) -> Cursor:
    row = row_of(record)
    return Cursor(getattr(row, sort_column(selection)), row.call)


def format_row(record: CallRecord) -> list[str]:
    """Return the cells of a call, in the order of ``COLUMNS``."""
    summary, row = record.summary, row_of(record)
    cells: list[object] = [
        record.call_connection_id,
        _time(record.created_at),
        _time(record.connected_at),
        _time(record.ended_at),
        _seconds(row.duration if row.duration >= 0 else None),
        record.state,
        record.result_state,
        record.direction,
        _address(record.from_),
        _address(record.to),
        to_cell(_SEPARATOR.join(record.participants)),
        to_cell(_SEPARATOR.join(f"{id_}={name}" for id_, name in record.names.items())),
        to_cell(_SEPARATOR.join(record.tags)),
        to_cell(record.notes or ""),
        record.channels,
        record.sample_rate,
        _seconds(summary.duration_ms if summary else None),
        summary.speech_share if summary else None,
        _seconds(summary.overlap_ms if summary else None),
        _seconds(summary.longest_silence_ms if summary else None),
        summary.interruptions if summary else None,
        _seconds(summary.lost_ms if summary else None),
        summary.missing_segments if summary else None,
        record.hung_up_reason,
    ]
    return ["" if cell is None else str(cell) for cell in cells]


def _time(moment: datetime | None) -> str:
    """Return a time in UTC, as Excel reads it, too."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.3f}"


def _address(address: str | None) -> str:
    if address is not None and is_phone_number(address):
        return f"tel:{address}"
    return to_cell(address or "")
