"""Messages that name a call: what is one is decoded, and nothing else is."""

from __future__ import annotations

import msgspec
import pytest

from calls.queue_messages import decode_call_message


class Message(msgspec.Struct):
    call_connection_id: str


def test_a_message_is_decoded() -> None:
    message = decode_call_message(b'{"call_connection_id": "a-call"}', Message, "examples")
    assert message == Message("a-call")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"call_connection_id": 1}'])
def test_another_body_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not a message of the queue of examples: .+"):
        decode_call_message(body, Message, "examples")


def test_an_id_that_is_part_of_a_path_is_refused() -> None:
    body = b'{"call_connection_id": "../a"}'
    with pytest.raises(ValueError, match=r"examples: its call's id is invalid$"):
        decode_call_message(body, Message, "examples")
