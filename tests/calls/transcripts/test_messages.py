"""Messages: an id of their own, only while transcription is on, and nothing else is one."""

from __future__ import annotations

import pytest

from calls.clients import Clients
from calls.transcripts.engine import Phrase
from calls.transcripts.messages import decode_message, request_transcript
from tests.calls.engines import ScriptedEngine, UseEngine


async def transcribe_nothing() -> list[Phrase]:
    return []


async def test_every_message_has_an_id_of_its_own(clients: Clients, use_engine: UseEngine) -> None:
    use_engine(ScriptedEngine(transcribe_nothing))
    messages: list[str] = []
    for _ in range(2):
        request_transcript(clients, "call", messages.append)
    first, second = (decode_message(message.encode()) for message in messages)
    assert first.call_connection_id == second.call_connection_id == "call"
    assert first.id != second.id


async def test_nothing_is_requested_while_transcription_is_off(clients: Clients) -> None:
    messages: list[str] = []
    request_transcript(clients, "call", messages.append)
    assert messages == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"call_connection_id": 1, "id": "a"}',
        b'{"call_connection_id": "../a", "id": "a"}',
        b"\xff",
    ],
)
def test_other_messages_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a message of the queue of transcriptions"):
        decode_message(body)
