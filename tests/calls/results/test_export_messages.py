"""The messages of the queue of exports."""

from __future__ import annotations

import pytest

from calls.results.export_messages import ExportMessage, decode_message, request_export


def test_a_message_is_decoded_as_it_was_sent() -> None:
    messages: list[str] = []
    request_export("a-call", "0123", messages.append)
    (message,) = messages
    assert decode_message(message.encode()) == ExportMessage("a-call", "0123")


@pytest.mark.parametrize("body", [b"", b"{}", b'"a"', b'{"call_connection_id":"../a","source":""}'])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of exports"):
        decode_message(body)
