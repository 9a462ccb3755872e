"""What search reads of transcripts."""

from __future__ import annotations

import pytest

from calls.clients import Clients
from calls.search.transcripts import digest_of, read_utterances
from tests.calls.sample_streams import new_call_id
from tests.calls.search.said import write_transcript


@pytest.mark.parametrize("state", ["complete", "pending", "failed"])
async def test_only_complete_transcripts_are_read(clients: Clients, state: str) -> None:
    call = new_call_id()
    await write_transcript(clients.storage, call, "One.", "Two.", state=state)
    utterances, missing = await read_utterances(clients.storage, [call, new_call_id()])
    assert missing is None
    texts = [utterance.text for utterance in utterances] if utterances is not None else None
    assert texts == (["One.", "Two."] if state == "complete" else None)


def test_a_digest_tells_words_apart() -> None:
    assert digest_of("a b") != digest_of("ab")
    assert len(digest_of("")) == 16
