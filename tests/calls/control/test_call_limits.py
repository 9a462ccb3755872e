"""Limits on the calls of a principal: two instances of the app, over Azurite and the emulator."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from calls import blobs
from calls.clients import Clients
from calls.control import call_limits
from calls.control.call_limits import (
    RESERVATION_LIFETIME,
    CallLimits,
    Reservation,
    Usage,
)
from calls.control.grants import bind_grant, create_grant, end_grants, note_grant
from calls.control.placing import place_call
from calls.errors import (
    AcsRefused,
    AcsUnavailable,
    Contended,
    TooManyCallsToday,
    TooManyConcurrentCalls,
)
from calls.principals import Principal
from contract import names
from contract.grants import new_token
from tests.calls.control.acs import Acs, CreateClients
from tests.calls.control.test_placing import CALL
from tests.calls.lossy_storage import LossyStorage
from tests.calls.sample_streams import new_call_id

NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def principal() -> Principal:
    """A principal of the test's own: tests share one storage."""
    return Principal(kind="key", id=uuid.uuid4().hex, name="a key")


@pytest.fixture(autouse=True)
def always_look_for_ended_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_limits, "_LOOK_AGAIN_SECONDS", 0.0)


def new_reservation(begun_at: datetime = NOON) -> Reservation:
    grant = names.grant_blob(new_token())
    return Reservation(id=uuid.uuid4().hex, grant=grant, begun_at=begun_at)


async def reserve(clients: Clients, principal: Principal, begun_at: datetime = NOON) -> Reservation:
    """Reserve a call of which nothing is known."""
    reservation = new_reservation(begun_at)
    await CallLimits(clients.storage, clients.settings, principal).reserve(reservation)
    return reservation


async def reserve_placed(clients: Clients, principal: Principal) -> str:
    """Reserve a call and bind its grant; returns its id."""
    token, call = new_token(), new_call_id()
    reservation = Reservation(id=call, grant=names.grant_blob(token), begun_at=NOON)
    await CallLimits(clients.storage, clients.settings, principal).reserve(reservation)
    await create_grant(clients.storage, NOON, token=token)
    await note_grant(clients.storage, token, call)
    await bind_grant(clients.storage, token, call, None)
    return call


async def read_usage(clients: Clients, principal: Principal) -> Usage:
    document = await clients.storage.read(blobs.IDEMPOTENCY, blobs.usage_blob(principal))
    assert document is not None
    return msgspec.json.decode(document.content, type=Usage)


async def test_of_a_hundred_calls_at_once_ten_are_placed(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    instances = [create_clients(max_concurrent_calls=10) for _ in range(2)]
    outcomes = await asyncio.gather(
        *(place_call(instances[n % 2], principal, CALL, None) for n in range(100)),
        return_exceptions=True,
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(refusal) for refusal in refusals} == {TooManyConcurrentCalls}
    assert len(refusals) == 90
    assert acs.count("POST callConnections") == 10
    assert len((await read_usage(instances[0], principal)).reservations) == 10


async def test_thirty_calls_at_once_of_one_instance_share_two_writes(
    create_clients: CreateClients, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = create_clients(max_concurrent_calls=30)
    writes = 0
    create, replace = clients.storage.create, clients.storage.replace

    async def count_create(container: str, blob: str, content: bytes) -> str | None:
        nonlocal writes
        writes += 1
        return await create(container, blob, content)

    async def count_replace(container: str, blob: str, content: bytes, etag: str) -> str | None:
        nonlocal writes
        writes += 1
        return await replace(container, blob, content, etag)

    monkeypatch.setattr(clients.storage, "create", count_create)
    monkeypatch.setattr(clients.storage, "replace", count_replace)
    await asyncio.gather(*(reserve(clients, principal) for _ in range(30)))
    assert writes == 2, "the first one's, and one for all that came meanwhile"
    assert (await read_usage(clients, principal)).placed == 30


async def test_many_instances_at_once_lose_no_reservation(
    create_clients: CreateClients, principal: Principal
) -> None:
    instances = [create_clients(max_concurrent_calls=40, max_calls_per_day=40) for _ in range(5)]
    await asyncio.gather(*(reserve(instances[n % 5], principal) for n in range(30)))
    usage = await read_usage(instances[0], principal)
    assert usage.placed == len({each.id for each in usage.reservations}) == 30


async def test_the_limits_are_each_principal_s_own(create_clients: CreateClients) -> None:
    clients = create_clients(max_concurrent_calls=1)
    one, other = (Principal(kind="entra", id=uuid.uuid4().hex, name="") for _ in range(2))
    await reserve(clients, one)
    await reserve(clients, other)
    with pytest.raises(TooManyConcurrentCalls, match="MAX_CONCURRENT_CALLS: 1 of your calls"):
        await reserve(clients, one)


async def test_a_call_that_has_ended_makes_room(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    clients = create_clients(max_concurrent_calls=2)
    first = await reserve_placed(clients, principal)
    await reserve_placed(clients, principal)
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal)
    await end_grants(clients.storage, first, NOON)
    await reserve_placed(clients, principal)
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal)


async def test_requests_beyond_the_limit_do_not_look_for_ended_calls_each_time(
    create_clients: CreateClients, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_limits, "_LOOK_AGAIN_SECONDS", 3600.0)
    clients = create_clients(max_concurrent_calls=2)
    calls = [await reserve_placed(clients, principal) for _ in range(2)]
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal)
    await end_grants(clients.storage, calls[0], NOON)
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal)
    monkeypatch.setattr(call_limits, "_LOOK_AGAIN_SECONDS", 0.0)
    await reserve(clients, principal)


async def test_a_call_makes_room_whose_record_says_that_it_has_ended(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    clients = create_clients(max_concurrent_calls=1)
    record, _ = await place_call(clients, principal, CALL, None)
    with pytest.raises(TooManyConcurrentCalls):
        await place_call(clients, principal, CALL, None)
    record.state = "disconnected"
    blob = blobs.call_blob(record.call_connection_id)
    await clients.storage.put(blobs.CALLS, blob, msgspec.json.encode(record))
    await place_call(clients, principal, CALL, None)


async def test_a_reservation_of_a_process_that_died_is_dropped_but_counts_for_the_day(
    create_clients: CreateClients, principal: Principal
) -> None:
    clients = create_clients(max_concurrent_calls=1, max_calls_per_day=2)
    await reserve(clients, principal, NOON)
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal, NOON + RESERVATION_LIFETIME)
    await reserve(clients, principal, NOON + RESERVATION_LIFETIME + timedelta(seconds=1))
    with pytest.raises(TooManyCallsToday):
        await reserve(clients, principal, NOON + timedelta(hours=1))


async def test_a_call_counts_for_a_day_at_most(
    create_clients: CreateClients, principal: Principal
) -> None:
    """No call lasts longer, even if nothing of it was ever heard again."""
    clients = create_clients(max_concurrent_calls=1)
    await reserve_placed(clients, principal)
    with pytest.raises(TooManyConcurrentCalls):
        await reserve(clients, principal, NOON + timedelta(hours=24))
    await reserve(clients, principal, NOON + timedelta(hours=24, seconds=1))


async def test_the_day_is_utc_s(create_clients: CreateClients, principal: Principal) -> None:
    clients = create_clients(max_calls_per_day=1)
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    await reserve(clients, principal)
    with pytest.raises(TooManyCallsToday, match="MAX_CALLS_PER_DAY") as refused:
        await reserve(clients, principal, midnight - timedelta(seconds=90))
    assert refused.value.retry_after_seconds == 90
    await reserve(clients, principal, midnight)
    # The clock of another instance may be behind.
    with pytest.raises(TooManyCallsToday):
        await reserve(clients, principal, midnight - timedelta(seconds=1))


async def test_reservations_do_not_pile_up_where_only_the_day_is_limited(
    create_clients: CreateClients, principal: Principal
) -> None:
    clients = create_clients(max_calls_per_day=9)
    await reserve(clients, principal)
    last = await reserve(clients, principal, NOON + RESERVATION_LIFETIME * 2)
    usage = await read_usage(clients, principal)
    assert (usage.placed, usage.reservations) == (2, [last])


async def test_a_repeated_request_counts_once(
    create_clients: CreateClients, principal: Principal
) -> None:
    clients = create_clients(max_concurrent_calls=1, max_calls_per_day=1)
    reservation = await reserve(clients, principal)
    again = msgspec.structs.replace(reservation, grant=names.grant_blob(new_token()))
    await CallLimits(clients.storage, clients.settings, principal).reserve(again)
    usage = await read_usage(clients, principal)
    assert (usage.placed, usage.reservations) == (1, [again])


async def test_a_key_s_repeats_count_once(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    clients = create_clients(max_concurrent_calls=1, max_calls_per_day=1)
    key = uuid.uuid4().hex
    record, _ = await place_call(clients, principal, CALL, key)
    again, replayed = await place_call(clients, principal, CALL, key)
    assert replayed
    assert again == record
    assert (await read_usage(clients, principal)).placed == 1


async def test_a_call_that_acs_refuses_does_not_count(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    limits = {"max_concurrent_calls": 1, "max_calls_per_day": 1}
    with pytest.raises(AcsRefused):
        await place_call(create_clients(acs_access_key="d3Jvbmc=", **limits), principal, CALL, None)
    with pytest.raises(AcsUnavailable):
        await place_call(
            create_clients(acs_endpoint="http://127.0.0.1:9", **limits), principal, CALL, None
        )
    clients = create_clients(**limits)
    usage = await read_usage(clients, principal)
    assert (usage.placed, usage.reservations) == (0, [])
    await place_call(clients, principal, CALL, None)


async def test_a_key_is_free_again_after_a_limit(
    create_clients: CreateClients, acs: Acs, principal: Principal
) -> None:
    clients, key = create_clients(max_concurrent_calls=1), uuid.uuid4().hex
    await place_call(clients, principal, CALL, None)
    with pytest.raises(TooManyConcurrentCalls):
        await place_call(clients, principal, CALL, key)
    _, replayed = await place_call(create_clients(), principal, CALL, key)
    assert not replayed


async def test_a_reservation_counts_once_although_the_response_to_its_write_is_lost(
    create_clients: CreateClients, lossy_storage: LossyStorage, principal: Principal
) -> None:
    clients = create_clients(audio_storage=lossy_storage.connection_string, max_calls_per_day=9)
    for expected in (1, 2):
        lossy_storage.lose_next_write(blobs.usage_blob(principal))
        reservation = await reserve(clients, principal)
        assert (await read_usage(clients, principal)).placed == expected
    lossy_storage.lose_next_write(blobs.usage_blob(principal))
    await CallLimits(clients.storage, clients.settings, principal).release(reservation)
    assert (await read_usage(clients, principal)).placed == 1
    # A write that finds its own first attempt is refused by its condition.
    assert lossy_storage.lost == [201, 201, 201]


async def test_no_call_is_placed_that_cannot_be_counted(
    create_clients: CreateClients, principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = create_clients(max_calls_per_day=9)

    async def fail_to_create(*_: object) -> bool:
        return False

    monkeypatch.setattr(clients.storage, "create", fail_to_create)
    monkeypatch.setattr(call_limits, "_LONGEST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(call_limits, "_FIRST_PAUSE_SECONDS", 0)
    outcomes = await asyncio.gather(
        *(reserve(clients, principal) for _ in range(3)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [Contended] * 3


async def test_without_limits_nothing_is_counted(
    create_clients: CreateClients, principal: Principal
) -> None:
    clients = create_clients()
    reservation = await reserve(clients, principal)
    await CallLimits(clients.storage, clients.settings, principal).release(reservation)
    assert await clients.storage.read(blobs.IDEMPOTENCY, blobs.usage_blob(principal)) is None
