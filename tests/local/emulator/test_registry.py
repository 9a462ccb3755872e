"""The emulator's calls: who takes part in them, how they are found, and their faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from local.emulator.errors import AcsError
from local.emulator.faults import Faults
from local.emulator.incoming import IncomingCall, IncomingCallRequest
from local.emulator.keys import SigningKeys
from local.emulator.registry import CALLER, CallRegistry
from local.emulator.requests import (
    AnswerCallRequest,
    CreateCallRequest,
    PhoneNumber,
    Target,
    communication_identifier,
)
from local.emulator.settings import EmulatorSettings

CALLEE, USER = "4:+15551230000", "8:acs:a_b"
CALLBACKS = "http://127.0.0.1:9/"
PLACE = CreateCallRequest(targets=[Target(CALLEE)], callback_uri=CALLBACKS)


class Posted:
    """Stands in for the app's callback URL: keeps the types of the events."""

    def __init__(self) -> None:
        self.types: list[str] = []
        self.connected = asyncio.Event()

    async def post(self, uri: str, events: list[dict[str, Any]], faults: Faults) -> None:
        assert uri == CALLBACKS
        self.types += [event["type"].rpartition(".")[2] for event in events]
        self.connected.set()


@pytest.fixture
def posted() -> Posted:
    return Posted()


@pytest.fixture(scope="module")
def keys() -> SigningKeys:
    return SigningKeys("issuer", "resource")


@pytest.fixture
async def registry(keys: SigningKeys, posted: Posted) -> AsyncIterator[CallRegistry]:
    settings = EmulatorSettings("key", "resource", answer_seconds=0)
    registry = CallRegistry(settings, keys, posted.post)
    yield registry
    await registry.end()


async def test_a_placed_call_is_found_and_connects(registry: CallRegistry, posted: Posted) -> None:
    assert len(registry) == 0
    call = registry.place(PLACE)
    assert len(registry) == 1
    assert registry.find(call.id) is call
    assert call.participants == [CALLER, communication_identifier(CALLEE)]
    assert call.state == "connecting"
    await asyncio.wait_for(posted.connected.wait(), 60)
    assert call.state == "connected"
    assert posted.types[0] == "CallConnected"


async def test_a_placed_call_comes_from_the_number_of_its_request(registry: CallRegistry) -> None:
    call = registry.place(
        CreateCallRequest(
            targets=[Target(USER)],
            callback_uri=CALLBACKS,
            source_caller_id_number=PhoneNumber("+15559990000"),
        )
    )
    expected = [communication_identifier(raw_id) for raw_id in ("4:+15559990000", USER)]
    assert call.participants == expected


async def test_an_answered_call_has_the_ids_of_the_incoming_call(registry: CallRegistry) -> None:
    incoming = IncomingCall(IncomingCallRequest(from_=CALLEE, to=USER), ring_seconds=30)
    request = AnswerCallRequest(incoming_call_context=incoming.context, callback_uri=CALLBACKS)
    call = registry.answer(incoming, request)
    assert registry.find(call.id) is call
    assert (call.server_call_id, call.correlation_id) == (incoming.server_call_id, incoming.id)
    assert call.participants == [communication_identifier(raw_id) for raw_id in (CALLEE, USER)]
    assert (incoming.state, incoming.call_connection_id) == ("answered", call.id)


async def test_an_unknown_call_is_acs_s_404(registry: CallRegistry) -> None:
    with pytest.raises(AcsError) as refused:
        registry.find("missing")
    assert (refused.value.status, refused.value.code) == (404, "8522")


async def test_faults_are_those_of_calls_to_come(registry: CallRegistry) -> None:
    before = registry.place(PLACE)
    registry.faults = Faults(drop=0.5)
    assert before.faults == Faults()
    assert registry.place(PLACE).faults == Faults(drop=0.5)


async def test_the_end_cancels_the_calls_without_events(
    registry: CallRegistry, posted: Posted
) -> None:
    registry.place(PLACE)
    await registry.end()
    await asyncio.sleep(0.05)
    assert posted.types == []
