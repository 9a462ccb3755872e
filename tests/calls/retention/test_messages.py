"""The messages of the queue of deletions."""

from __future__ import annotations

import pytest

from calls.retention.messages import DeletionMessage, decode_message, request_run


def test_a_message_is_decoded_as_it_was_sent() -> None:
    messages: list[str] = []
    request_run("0f" * 16, messages.append)
    (message,) = messages
    assert decode_message(message.encode()) == DeletionMessage("0f" * 16)


@pytest.mark.parametrize("body", [b"", b"{}", b'"a"', b"\xff", b'{"deletion":1}'])
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of deletions"):
        decode_message(body)
