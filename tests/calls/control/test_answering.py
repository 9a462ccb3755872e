"""Incoming calls: the real client against the emulator, and what each event leaves behind."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import azure.functions as func
import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from acs.events import MOST_INCOMING_CALL_BYTES
from calls import blobs, control, incoming, store
from calls.clients import Clients
from calls.errors import Contended
from calls.records import CallRecord
from calls.settings import Settings
from contract import names
from contract.grants import StreamGrant, decode_grant, encode_grant
from local.azurite import Azurite
from local.emulator.server import EmulatorServer, EmulatorSettings

CALLED, CALLER = "+15551230000", "+15559990000"
USER = "8:acs:3d20e1de-0f28-41c5_0000"
KEY = "c2VjcmV0"
RING_SECONDS = 30.0


class Phones:
    """The emulator, and Event Grid's subscriber: it keeps the events that ``take`` is given."""

    def __init__(self, ring_seconds: float) -> None:
        self._ring_seconds = ring_seconds
        self._told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._stack = AsyncExitStack()
        self.acs: EmulatorServer
        self.session: aiohttp.ClientSession

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/", self._webhook)
        runner = web.AppRunner(app)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        settings = EmulatorSettings(
            access_key=KEY,
            resource_id="resource",
            port=0,
            incoming_webhook=f"http://127.0.0.1:{runner.addresses[0][1]}/",
            ring_seconds=self._ring_seconds,
            # Nobody answers its callbacks here, and its tries are ended with it.
            answer_seconds=60,
        )
        self.acs = EmulatorServer(settings)
        await self.acs.start()
        self._stack.push_async_callback(self.acs.stop)
        session = aiohttp.ClientSession(self.acs.endpoint)
        self.session = await self._stack.enter_async_context(session)

    async def stop(self) -> None:
        await self._stack.aclose()

    async def _webhook(self, request: web.Request) -> web.Response:
        (event,) = await request.json()
        if request.headers["aeg-event-type"] == "SubscriptionValidation":
            return web.json_response({"validationResponse": event["data"]["validationCode"]})
        await self._told.put(event)
        return web.Response(status=202)

    async def ring(self, to: str = CALLED, from_: str = CALLER, **more: Any) -> dict[str, Any]:
        """Let a phone ring; the event that Event Grid tells of it."""
        asked = {"from": from_, "to": to, **more}
        async with self.session.post("/emulator/incoming", json=asked) as answer:
            assert answer.status == 201
        return await self._told.get()

    async def faults(self, **faults: Any) -> None:
        async with self.session.post("/emulator/faults", json=faults) as answer:
            assert answer.status == 200

    async def state(self, event: dict[str, Any]) -> dict[str, Any]:
        async with self.session.get(f"/emulator/incoming/{ring_of(event)}") as answer:
            found: dict[str, Any] = await answer.json()
            return found

    async def options(self, call: str) -> dict[str, Any]:
        """What ACS was told of the call's streaming."""
        async with self.session.get(f"/emulator/calls/{call}/requests") as answer:
            (asked,) = await answer.json()
        assert asked["operation"] == "answer"
        options: dict[str, Any] = asked["body"]["mediaStreamingOptions"]
        return options

    @property
    def answers(self) -> int:
        """How often ACS was asked to answer."""
        return self.acs.requests.get("POST answer", 0)


Make = Callable[..., Clients]


@pytest_asyncio.fixture
async def phones() -> AsyncIterator[Phones]:
    started = Phones(RING_SECONDS)
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture
async def make(azurite: Azurite, phones: Phones) -> AsyncIterator[Make]:
    """Makes an instance's clients."""
    async with AsyncExitStack() as stack:

        def clients(**settings: Any) -> Clients:
            given: dict[str, Any] = {
                "audio_storage": azurite.connection_string,
                "acs_endpoint": phones.acs.endpoint,
                "acs_access_key": KEY,
                "callback_url": "https://app.example",
                "streamer_url": "wss://streamer.example",
                "callback_token_check": "off",
                "answer_calls": "all",
            }
            made = Clients(Settings(**given | settings))
            stack.push_async_callback(made.close)
            return made

        await clients().storage.create_containers()
        yield clients


def ring_of(event: dict[str, Any]) -> str:
    return str(event["data"]["correlationId"])


def bound(event: dict[str, Any]) -> func.EventGridEvent:
    """The event as the worker's own converter hands it to the function."""
    decoded = EventGridEventInConverter.decode(
        Datum(json.dumps(event), "json"), trigger_metadata=None
    )
    assert isinstance(decoded, func.EventGridEvent)
    return decoded


async def take(clients: Clients, event: dict[str, Any]) -> None:
    await incoming.take(clients, bound(event), datetime.now(UTC))


class Left:
    """What is in the containers that answering writes, and was not there before."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._before: set[str] = set()

    async def begin(self) -> Left:
        self._before = await self._all()
        return self

    async def _all(self) -> set[str]:
        return {
            f"{container}/{blob}"
            for container in (blobs.CALLS, blobs.INDEX, names.GRANTS, blobs.IDEMPOTENCY)
            for blob in await self._clients.storage.blob_names(container, "")
        }

    async def now(self) -> list[str]:
        """Names that are new, by container."""
        return sorted(await self._all() - self._before)

    async def grants(self) -> list[StreamGrant]:
        found = []
        for blob in await self.now():
            container, _, name = blob.partition("/")
            if container == names.GRANTS:
                document = await self._clients.storage.read(container, name)
                assert document is not None
                found.append(decode_grant(document.content))
        return found


def outcomes(caplog: pytest.LogCaptureFixture, event: dict[str, Any]) -> list[str]:
    """The log lines that end the event, in short; none of them may hold what it must not."""
    assert event["data"]["incomingCallContext"] not in caplog.text
    assert CALLER not in caplog.text
    assert CALLED not in caplog.text
    lines = [m for m in caplog.messages if m.startswith("incoming outcome=")]
    assert all(f" correlation={ring_of(event)} " in line for line in lines)
    return [" ".join(word.partition("=")[2] for word in line.split()[1:3]) for line in lines]


@pytest.fixture(autouse=True)
def informed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_an_answered_call_is_as_a_placed_one(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make()
    left = await Left(clients).begin()
    event = await phones.ring()
    await take(clients, event)
    assert outcomes(caplog, event) == ["answered -"]
    call = (await phones.state(event))["call_connection_id"]
    record = await store.read_record(clients.storage, call)
    assert (record.direction, record.placed) == ("incoming", True)
    assert (record.from_, record.to) == (CALLER, CALLED)
    assert (record.channels, record.sample_rate, record.start_streaming) == ("mixed", 16_000, True)
    assert record.streaming.state == "starting"
    assert record.correlation_id == ring_of(event)
    assert record.server_call_id == event["data"]["serverCallId"]
    options = await phones.options(call)
    url = options.pop("transportUrl")
    assert options == {
        "transportType": "websocket",
        "audioChannelType": "mixed",
        "contentType": "audio",
        "startMediaStreaming": True,
        "audioFormat": "pcm16KMono",
        "enableDtmfTones": True,
    }
    base, _, token = url.rpartition("/")
    assert base == "wss://streamer.example/media"
    document = await clients.storage.read(names.GRANTS, names.grant_blob(token))
    assert document is not None
    grant = decode_grant(document.content)
    assert (grant.call_connection_id, grant.correlation_id) == (call, ring_of(event))
    kinds = [blob.partition("/")[0] for blob in await left.now()]
    assert kinds == ["calls", "grants", "idempotency", "index"]
    context = event["data"]["incomingCallContext"].encode()
    for blob in await left.now():
        stored = await clients.storage.read(*blob.split("/", 1))
        assert stored is not None
        assert context not in stored.content


async def test_the_settings_say_how_it_is_streamed(make: Make, phones: Phones) -> None:
    clients = make(
        answer_channels="unmixed", answer_sample_rate=24_000, answer_start_streaming=False
    )
    event = await phones.ring()
    await take(clients, event)
    call = (await phones.state(event))["call_connection_id"]
    options = await phones.options(call)
    assert options["audioChannelType"] == "unmixed"
    assert options["audioFormat"] == "pcm24KMono"
    assert options["startMediaStreaming"] is False
    record = await store.read_record(clients.storage, call)
    assert (record.channels, record.sample_rate) == ("unmixed", 24_000)
    assert record.streaming.state == "inactive"


@pytest.mark.parametrize(
    ("setting", "to"),
    [(f"+15550000000, {CALLED}", CALLED), (f"4:{CALLED}", CALLED), (f"{CALLED},{USER}", USER)],
)
async def test_what_is_listed_is_answered(
    make: Make, phones: Phones, setting: str, to: str
) -> None:
    event = await phones.ring(to)
    await take(make(answer_calls=setting), event)
    assert (await phones.state(event))["state"] == "answered"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [("off", "off"), ("+15550000000", "not_listed"), (CALLED[:-1], "not_listed")],
)
async def test_what_is_not_to_be_answered_rings_on(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture, setting: str, reason: str
) -> None:
    clients = make(answer_calls=setting)
    left = await Left(clients).begin()
    event = await phones.ring()
    await take(clients, event)
    assert outcomes(caplog, event) == [f"left {reason}"]
    assert (await phones.state(event))["state"] == "ringing"
    assert await left.now() == []
    assert phones.acs.requests == {}, "not answered, and not rejected"


def test_it_is_off_unless_asked_for() -> None:
    assert Settings().answer_calls == "off"
    assert not Settings().answers(f"4:{CALLED}")


async def test_an_event_that_is_too_old_is_dropped(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make()
    left = await Left(clients).begin()
    event = await phones.ring(age_seconds=31)
    await take(clients, event)
    assert outcomes(caplog, event) == ["left too_old"]
    assert (await left.now(), phones.answers) == ([], 0)
    event = await phones.ring(age_seconds=25)
    await take(clients, event)
    assert (await phones.state(event))["state"] == "answered"


async def test_the_same_event_twice_answers_once(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    event = await phones.ring()
    await take(make(), event)
    await take(make(), event)
    assert outcomes(caplog, event) == ["answered -", "left taken"]
    assert phones.answers == 1


async def test_two_instances_at_the_same_time_answer_once(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    left = await Left(make()).begin()
    event = await phones.ring()
    await asyncio.gather(*(take(make(), event) for _ in range(5)))
    assert sorted(outcomes(caplog, event)) == ["answered -", *["left taken"] * 4]
    assert phones.answers == 1
    assert len(await left.grants()) == 1


@pytest.mark.parametrize(
    ("seconds", "outcome"), [(0, "left taken"), (5, "left taken"), (9, "answered -")]
)
async def test_an_instance_that_died_before_it_answered_is_followed_by_the_next_delivery(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture, seconds: int, outcome: str
) -> None:
    clients = make()
    event = await phones.ring()
    now = datetime.now(UTC)
    taken = incoming.Taken(begun_at=now - timedelta(seconds=seconds))
    blob = blobs.incoming_blob(ring_of(event))
    await clients.storage.put(blobs.IDEMPOTENCY, blob, msgspec.json.encode(taken))
    await incoming.take(clients, bound(event), now)
    assert outcomes(caplog, event) == [outcome]


async def test_an_instance_that_died_after_it_answered_is_followed_too(
    make: Make, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await phones.ring()

    class Killed(BaseException):
        pass

    async def killed(*_: Any, **__: Any) -> None:
        raise Killed

    died = make()
    with monkeypatch.context() as patched:
        patched.setattr(control, "take_up", killed)
        patched.setattr(died.storage, "delete", killed)
        with pytest.raises(Killed):
            await take(died, event)
    call = (await phones.state(event))["call_connection_id"]
    later = datetime.now(UTC) + timedelta(seconds=10)
    next_one = make()
    await asyncio.gather(*(incoming.take(next_one, bound(event), later) for _ in range(3)))
    assert (await phones.state(event))["call_connection_id"] == call
    record = await store.read_record(next_one.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)
    assert phones.answers == 2, "of the three, one took it over"
    await incoming.take(next_one, bound(event), later + timedelta(seconds=15))
    assert phones.answers == 2, "and it is done"


async def test_a_call_that_was_answered_elsewhere_is_let_go(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make()
    event = await phones.ring()
    context = event["data"]["incomingCallContext"]
    await clients.call_automation.answer_call(context, "https://another.example")
    left = await Left(clients).begin()
    await take(clients, event)
    await take(clients, event)
    assert outcomes(caplog, event) == ["refused acs_409_8519", "left taken"]
    assert [blob.partition("/")[0] for blob in await left.now()] == ["idempotency"]


async def test_a_call_that_rings_no_more_is_let_go(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    clients = make()
    left = await Left(clients).begin()
    event = await phones.ring(age_seconds=RING_SECONDS + 1)
    # The clocks of Event Grid and of this instance differ.
    event["eventTime"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await take(clients, event)
    assert outcomes(caplog, event) == ["refused acs_404_8522"]
    assert [blob.partition("/")[0] for blob in await left.now()] == ["idempotency"]


@pytest.mark.parametrize("status", [401, 403, 500, 502])
async def test_a_failed_answer_leaves_nothing_and_is_tried_again(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    clients = make()
    left = await Left(clients).begin()
    await phones.faults(answer_status=status)
    event = await phones.ring()
    with pytest.raises(HttpResponseError) as failed:
        await take(clients, event)
    assert event["data"]["incomingCallContext"] not in str(failed.value)
    assert await left.now() == []
    await phones.faults()
    await take(clients, event)
    first, second = outcomes(caplog, event)
    assert first.startswith("failed ")
    assert second == "answered -"
    assert len(await left.grants()) == 1


async def test_acs_that_is_not_there_leaves_nothing(make: Make, phones: Phones) -> None:
    clients = make(acs_endpoint="http://127.0.0.1:9")
    left = await Left(clients).begin()
    event = await phones.ring()
    with pytest.raises(ServiceRequestError):
        await take(clients, event)
    assert await left.now() == []


async def test_an_answer_that_was_lost_is_found_again(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture
) -> None:
    """ACS answered, and its word was lost; by then its socket has bound the grant."""
    clients = make()
    left = await Left(clients).begin()
    await phones.faults(operation_status=502)
    event = await phones.ring()
    answer_call = clients.call_automation.answer_call

    async def with_its_socket(*args: Any, **options: Any) -> Any:
        try:
            return await answer_call(*args, **options)
        finally:
            token = options["media_streaming"].transport_url.rpartition("/")[2]
            call = (await phones.state(event))["call_connection_id"]
            await bind(clients, token, call)

    clients.call_automation.answer_call = with_its_socket  # type: ignore[method-assign]
    with pytest.raises(HttpResponseError):
        await take(clients, event)
    call = (await phones.state(event))["call_connection_id"]
    assert [grant.call_connection_id for grant in await left.grants()] == [call]

    await phones.faults()
    await take(make(), event)
    assert (await phones.state(event))["call_connection_id"] == call, "ACS knows the request"
    record = await store.read_record(clients.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)
    assert {grant.call_connection_id for grant in await left.grants()} == {call}
    assert outcomes(caplog, event)[1:] == ["answered -"]


async def bind(clients: Clients, token: str, call: str) -> None:
    """As the streamer does when the call's socket opens."""
    blob = names.grant_blob(token)
    document = await clients.storage.read(names.GRANTS, blob)
    assert document is not None
    grant = decode_grant(document.content)
    grant.call_connection_id = call
    await clients.storage.put(names.GRANTS, blob, encode_grant(grant))


async def test_a_record_that_could_not_be_written_is_written_by_the_next_delivery(
    make: Make, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = make()
    event = await phones.ring()

    async def contended(*_: Any, **__: Any) -> CallRecord:
        raise Contended("changed too often")

    with monkeypatch.context() as patched:
        patched.setattr(store, "change", contended)
        with pytest.raises(Contended):
            await take(clients, event)
    call = (await phones.state(event))["call_connection_id"]
    await take(clients, event)
    assert (await phones.state(event))["call_connection_id"] == call
    record = await store.read_record(clients.storage, call)
    assert (record.direction, record.from_) == ("incoming", CALLER)


Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e.update(eventType="Microsoft.Communication.CallEnded"),
        lambda e: e.update(eventTime=None),
        lambda e: e.update(eventTime="2022-08-25T19:27:24"),
        lambda e: e.update(data=None),
        lambda e: e.update(data=[e["data"]]),
        lambda e: e.update(data="eyJ"),
        lambda e: e["data"].pop("incomingCallContext"),
        lambda e: e["data"].update(incomingCallContext=""),
        lambda e: e["data"].update(incomingCallContext=7),
        lambda e: e["data"].update(incomingCallContext="x" * MOST_INCOMING_CALL_BYTES),
        lambda e: e["data"].update(customContext={"x": "x" * MOST_INCOMING_CALL_BYTES}),
        lambda e: e["data"].update(callerDisplayName="\ud800"),
        lambda e: e["data"].pop("correlationId"),
        lambda e: e["data"].update(correlationId="a\nincoming outcome=answered"),
        lambda e: e["data"].update(correlationId="x" * 129),
        lambda e: e["data"].pop("to"),
        lambda e: e["data"]["to"].pop("rawId"),
        lambda e: e["data"]["to"].update(rawId="4:+1555123000x"),
        lambda e: e["data"]["to"].update(rawId="../../calls/x"),
        lambda e: e["data"]["from"].update(rawId="4:" + "5" * 200),
        lambda e: e["data"]["from"].update(rawId="8:acs:" + "x" * 201),
        lambda e: e["data"]["from"].update(rawId="<script>"),
    ],
)
async def test_a_malformed_event_is_counted_and_answers_nothing(
    make: Make, phones: Phones, caplog: pytest.LogCaptureFixture, change: Change
) -> None:
    clients = make()
    left = await Left(clients).begin()
    event = await phones.ring()
    context = event["data"]["incomingCallContext"]
    change(event)
    await take(clients, event)
    (line,) = (m for m in caplog.messages if m.startswith("refused "))
    assert line.startswith("refused entrance=incoming status=400 reason=malformed_event ")
    assert "\n" not in line
    assert context not in caplog.text
    assert not [m for m in caplog.messages if m.startswith("incoming ")]
    assert (await left.now(), phones.answers) == ([], 0)


async def test_who_withholds_its_number_is_answered_too(make: Make, phones: Phones) -> None:
    clients = make()
    event = await phones.ring(from_="4:anonymous")
    await take(clients, event)
    record = await store.read_record(
        clients.storage, (await phones.state(event))["call_connection_id"]
    )
    assert record.from_ == "anonymous"


async def test_age_is_by_the_event_s_own_time(make: Make, phones: Phones) -> None:
    clients = make()
    event = await phones.ring()
    late = datetime.now(UTC) + incoming.RINGS + timedelta(seconds=1)
    await incoming.take(clients, bound(event), late)
    assert phones.answers == 0
