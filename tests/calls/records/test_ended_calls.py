"""Messages about ended calls: what is sent is received, and nothing else is one."""

from __future__ import annotations

import pytest

from calls.records.ended_calls import decode_message, encode_message


def test_a_message_names_its_call() -> None:
    assert decode_message(encode_message("a-call").encode()) == "a-call"


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'"a-call"', b'{"call_connection_id": 1}', b'{"call_connection_id": "../a"}'],
)
def test_other_messages_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of ended calls"):
        decode_message(body)
