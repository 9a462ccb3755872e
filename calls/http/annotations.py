"""Tags and notes of a call: given at placing, changed by ``PATCH``."""

from __future__ import annotations

import azure.functions as func

from acs.identifiers import one_line
from calls.clients import Clients
from calls.http import requests
from calls.http.documents import Call, show_record
from calls.http.requests import Fields
from calls.http.respond import json_response
from calls.records.model import CallRecord
from calls.records.store import change_record

MAX_TAGS = 20
MAX_TAG_CHARACTERS = 64
MAX_NOTES_CHARACTERS = 4096
_LINE_CHARACTERS = "\t\n\r"
"""Characters of notes that are not printable, but belong in a text of several lines."""


async def change_call(clients: Clients, request: func.HttpRequest) -> func.HttpResponse:
    """``PATCH /api/v1/calls/{id}`` with ``tags`` or ``notes``: 200 with the call.

    The body is a JSON merge patch (RFC 7396): what is absent stays, and null removes.
    """
    call = requests.call_connection_id(request)
    members = requests.read_json_object(request)
    fields = Fields(members)
    tags, notes = take_tags(fields), take_notes(fields)
    fields.check()

    def apply(record: CallRecord) -> bool:
        before = record.tags, record.notes
        if "tags" in members:
            record.tags = tags
        if "notes" in members:
            record.notes = notes
        return before != (record.tags, record.notes)

    record = await change_record(clients.storage, call, apply)
    return json_response(show_record(Call, record))


def take_tags(fields: Fields) -> list[str]:
    """Take ``tags``, each once, in their order; empty if they are absent or null."""
    tags = fields.take_list("tags", MAX_TAGS)
    if any(not is_tag(tag) for tag in tags):
        fields.add_error(
            "tags",
            f"each tag must be one line of 1 to {MAX_TAG_CHARACTERS} characters, "
            "without spaces around it",
        )
    return list(dict.fromkeys(tags))


def is_tag(text: str) -> bool:
    """Return whether a text can be a tag."""
    return 1 <= len(text) <= MAX_TAG_CHARACTERS and one_line(text) == text


def take_notes(fields: Fields) -> str | None:
    """Take ``notes``, a text of several lines; None if they are absent or null."""
    notes = fields.take_text("notes", MAX_NOTES_CHARACTERS)
    if notes is not None and not all(c.isprintable() or c in _LINE_CHARACTERS for c in notes):
        fields.add_error("notes", "must not have control characters, except line ends and tabs")
    return notes
