"""Callback events against real storage: what a check set to ``warn`` or ``off`` lets in."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Literal

import azure.functions as func
import pytest
import pytest_asyncio

from calls import blobs
from calls.clients import Clients
from calls.http import callbacks
from calls.http.problems import Problem
from calls.records import callback_events, store
from calls.records.event_matching import set_origin
from calls.records.model import CallRecord
from calls.settings import Settings
from calls.token_findings import read_findings
from contract import names
from contract.token_findings import finding_blob
from local.azurite import Azurite
from tests.acs.test_tokens import AUDIENCE, ISSUER, KeyServer, new_key
from tests.calls.handler_requests import decode_body, send_request
from tests.calls.stream_uploader import send_nothing

Check = Literal["require", "warn", "off"]
TokenCheck = Literal["require", "learn", "warn", "off"]
CreateClients = Callable[..., Clients]


@pytest_asyncio.fixture
async def create_clients(azurite: Azurite) -> AsyncIterator[CreateClients]:
    async with AsyncExitStack() as stack:

        def create(ids: Check = "require", token: TokenCheck = "off", **settings: Any) -> Clients:
            clients = Clients(
                Settings(
                    audio_storage=azurite.connection_string,
                    acs_endpoint="https://acs.example",
                    callback_ids_check=ids,
                    callback_token_check=token,
                    **{"acs_token_audience": "resource", **settings},
                )
            )
            stack.push_async_callback(clients.storage.service.close)
            stack.push_async_callback(clients.call_automation.close)
            return clients

        await create().storage.create_containers()
        yield create


def create_event(call: str, **ids: str | None) -> dict[str, Any]:
    data = {"callConnectionId": call, "serverCallId": "server", "correlationId": "correlation"}
    return {
        "id": uuid.uuid4().hex,
        "type": "Microsoft.Communication.CallConnected",
        "time": datetime.now(UTC).isoformat(),
        "data": data | ids,
    }


async def post(clients: Clients, *events: dict[str, Any], **headers: str) -> int:
    response = await send_events(clients, *events, **headers)
    return int(response.status_code)


async def send_events(
    clients: Clients, *events: dict[str, Any], **headers: str
) -> func.HttpResponse:
    handler = callbacks.callback_handler(send_nothing)
    body = json.dumps(events).encode()
    return await send_request(clients, handler, "POST", body=body, headers=headers)


async def create_placed_call(clients: Clients) -> str:
    call = uuid.uuid4().hex

    def apply(record: CallRecord) -> bool:
        set_origin(record, "server", "correlation")
        return True

    await store.change_record(clients.storage, call, apply, create_at=datetime.now(UTC))
    return call


@pytest.mark.parametrize(
    ("check", "status", "log_event"),
    [("require", 403, "request_refused"), ("warn", 200, "request_warned")],
)
async def test_an_event_with_other_ids_is_refused_or_recorded_as_the_check_says(
    create_clients: CreateClients,
    caplog: pytest.LogCaptureFixture,
    check: Check,
    status: int,
    log_event: str,
) -> None:
    clients = create_clients(ids=check)
    call = await create_placed_call(clients)
    assert await post(clients, create_event(call, correlationId="another")) == status
    line = (
        f"{log_event} entrance=callbacks status=403 reason=correlation_id "
        f'detail="CallConnected {call}"'
    )
    assert [record.message for record in caplog.records if "entrance" in record.message] == [line]
    events = (await store.read_record(clients.storage, call)).events
    assert len(events) == (status == 200)


async def test_off_records_every_event_and_logs_nothing(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients(ids="off")
    call = await create_placed_call(clients)
    assert await post(clients, create_event(call, correlationId="another")) == 200
    assert "entrance=" not in caplog.text


async def test_an_event_s_type_cannot_forge_a_log_line(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    call = await create_placed_call(clients)
    caplog.set_level("INFO")
    assert (
        await post(clients, create_event(call) | {"type": "X\nrequest_refused entrance=callbacks"})
        == 200
    )
    ours = [record.message for record in caplog.records if record.name.startswith("calls.")]
    assert ours == [
        f'callback_event_recorded call={call} type="X\\nrequest_refused entrance=callbacks"'
    ]


async def test_a_refused_event_s_type_cannot_forge_a_log_line(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    call = await create_placed_call(clients)
    forged = create_event(call, correlationId="another") | {
        "type": "X\nrequest_refused entrance=callbacks"
    }
    assert await post(clients, forged) == 403
    (line,) = [record.message for record in caplog.records if record.name == "calls.refusals"]
    assert "\n" not in line


async def test_a_token_check_set_to_warn_logs_the_reason_without_the_token(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients(token="warn")
    call = await create_placed_call(clients)
    forged = "Bearer eyJhbGciOiJub25lIn0.e30."
    assert await post(clients, create_event(call), Authorization=forged) == 200
    assert "request_warned entrance=callbacks status=401 reason=token_algorithm" in caplog.text
    assert "eyJ" not in caplog.text


@pytest.mark.parametrize("authorization", [None, "Basic eyJ", "Bearer eyJhbGciOiJub25lIn0.e30."])
async def test_a_sender_without_acs_s_token_is_refused(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture, authorization: str | None
) -> None:
    clients = create_clients(token="require")
    call = uuid.uuid4().hex
    headers = {"Authorization": authorization} if authorization else {}
    assert await post(clients, create_event(call), **headers) == 401
    assert caplog.text.count("request_refused entrance=callbacks status=401 reason=token_") == 1
    assert "eyJ" not in caplog.text
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def test_wrong_events_do_not_keep_the_others_from_being_recorded(
    create_clients: CreateClients,
) -> None:
    clients = create_clients()
    call = await create_placed_call(clients)
    other_ids = create_event(call, correlationId="another")
    response = await send_events(
        clients, other_ids, create_event("../x"), create_event(call), create_event(call)
    )
    assert response.status_code == 403, "of the two statuses, the one of other ids"
    messages = [error["message"] for error in decode_body(response)["errors"]]
    assert messages == [
        f"event {other_ids['id']!r}: does not belong to the call that it names (correlation_id)",
        messages[1],
    ]
    assert messages[1].endswith("callConnectionId: not a call connection id")
    assert len((await store.read_record(clients.storage, call)).events) == 2


async def test_early_events_are_kept_if_their_ids_are_those_of_the_call(
    create_clients: CreateClients,
) -> None:
    """Early events arrive before ACS's answer to the request that placed the call."""
    clients = create_clients()
    for ids, kept in (({}, 1), ({"correlationId": "another"}, 0)):
        call = uuid.uuid4().hex
        assert await post(clients, create_event(call, **ids)) == 200
        assert await post(clients, create_event(call, correlationId="a third")) == 403

        def apply(record: CallRecord) -> bool:
            set_origin(record, "server", "correlation")
            return True

        await store.change_record(clients.storage, call, apply)
        record = await store.read_record(clients.storage, call)
        assert len(record.events) == kept
        assert await post(clients, create_event(call, **ids)) == (200 if kept else 403)


async def test_an_early_event_that_could_never_be_compared_creates_no_record(
    create_clients: CreateClients,
) -> None:
    clients = create_clients()
    call = uuid.uuid4().hex
    assert await post(clients, create_event(call, correlationId=None)) == 403
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(call)) is None


async def test_an_event_from_the_future_does_not_date_the_call(
    create_clients: CreateClients,
) -> None:
    clients = create_clients()
    call = uuid.uuid4().hex
    late = create_event(call) | {"time": "9999-12-31T23:59:59Z"}
    assert await post(clients, late) == 200
    assert (await store.read_record(clients.storage, call)).created_at <= datetime.now(UTC)


async def test_many_malformed_events_are_one_log_line(
    create_clients: CreateClients, caplog: pytest.LogCaptureFixture
) -> None:
    clients = create_clients()
    with pytest.raises(Problem) as refused:
        await callbacks.receive_callbacks(
            clients,
            func.HttpRequest("POST", "/", body=b"[" + b"1," * 9999 + b"1]"),
            send=send_nothing,
        )
    assert refused.value.errors is not None
    assert len(refused.value.errors) == 100
    assert caplog.text.count('reason=malformed_event detail="10000 events: ') == 1


@pytest_asyncio.fixture
async def keys() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    await server.start()
    yield server
    await server.runner.cleanup()


def create_learner(create_clients: CreateClients, keys: KeyServer, **checks: Any) -> Clients:
    return create_clients(
        **{"token": "learn", **checks},
        acs_token_audience=AUDIENCE,
        acs_token_issuer=ISSUER,
        acs_token_jwks_url=keys.url + "/openid",
    )


DIFFERENT: list[tuple[str, Callable[[KeyServer], str]]] = [
    ("issuer", lambda keys: keys.sign(iss="https://other.test")),
    ("audience", lambda keys: keys.sign(aud="another")),
    ("claims", lambda keys: keys.sign(exp=None)),
    ("expired", lambda keys: keys.sign(exp=time.time() - 3600)),
    ("lifetime", lambda keys: keys.sign(exp=time.time() + 24 * 3600)),
]


@pytest.mark.parametrize(("reason", "sign"), DIFFERENT)
async def test_learn_records_events_with_a_different_token_and_tells(
    create_clients: CreateClients,
    keys: KeyServer,
    caplog: pytest.LogCaptureFixture,
    reason: str,
    sign: Callable[[KeyServer], str],
) -> None:
    clients = create_learner(create_clients, keys)
    call = await create_placed_call(clients)
    authorization = sign(keys)
    assert await post(clients, create_event(call), Authorization=authorization) == 200
    assert len((await store.read_record(clients.storage, call)).events) == 1
    assert f"acs_token_different entrance=callbacks reason={reason} signed=True" in caplog.text
    assert authorization.split()[1] not in caplog.text
    different = (await read_findings(clients.storage, "callbacks")).different
    assert different is not None
    assert (different.failed, different.is_signed) == (reason, True)
    strict = create_learner(create_clients, keys, token="require")
    assert await post(strict, create_event(call), Authorization=authorization) == 401


async def test_learn_tells_of_tokens_as_documented(
    create_clients: CreateClients, keys: KeyServer
) -> None:
    clients = create_learner(create_clients, keys)
    call = uuid.uuid4().hex
    began_at = datetime.now(UTC)
    assert await post(clients, create_event(call), Authorization=keys.sign()) == 200
    assert len((await store.read_record(clients.storage, call)).events) == 1, "it may come early"
    documented = (await read_findings(clients.storage, "callbacks")).as_documented
    assert documented is not None
    assert documented.at >= began_at


@pytest.mark.parametrize(
    "forge",
    [
        lambda keys: None,
        lambda keys: "Bearer not.a.token",
        lambda keys: keys.sign(key="", alg="none"),
        lambda keys: keys.sign(alg="RS512"),
        lambda keys: keys.sign(key=new_key()),
        lambda keys: keys.sign(kid="k9", key=new_key()),
    ],
)
async def test_learn_refuses_what_acs_has_not_signed(
    create_clients: CreateClients, keys: KeyServer, forge: Callable[[KeyServer], str | None]
) -> None:
    clients = create_learner(create_clients, keys)
    call = await create_placed_call(clients)
    authorization = forge(keys)
    headers = {} if authorization is None else {"Authorization": authorization}
    assert await post(clients, create_event(call), **headers) == 401
    assert (await store.read_record(clients.storage, call)).events == []


async def test_learn_refuses_everything_while_the_keys_cannot_be_fetched(
    create_clients: CreateClients, keys: KeyServer
) -> None:
    clients = create_learner(create_clients, keys)
    call = await create_placed_call(clients)
    keys.down = True
    assert await post(clients, create_event(call), Authorization=keys.sign()) == 503
    assert (await store.read_record(clients.storage, call)).events == []


@pytest.mark.parametrize("ids", ["require", "off"])
async def test_a_token_for_another_resource_changes_only_calls_that_it_knows(
    create_clients: CreateClients,
    keys: KeyServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    ids: Check,
) -> None:
    """Every customer of ACS has tokens that ACS has signed, for a resource of their own."""
    monkeypatch.setattr(callback_events, "ORIGIN_WAIT_SECONDS", 0)
    clients = create_learner(create_clients, keys, ids=ids)
    other = keys.sign(aud="another")
    unknown = uuid.uuid4().hex
    assert await post(clients, create_event(unknown), Authorization=other) == 503
    assert await clients.storage.read(blobs.CALLS, blobs.call_blob(unknown)) is None
    assert "entrance=callbacks status=503 reason=origin_unknown" in caplog.text
    call = await create_placed_call(clients)
    guess = create_event(call, correlationId="a guess", serverCallId=None)
    assert await post(clients, guess, Authorization=other) == 403
    no_ids = create_event(call, correlationId=None, serverCallId=None)
    for is_documented in (True, False):
        blob = finding_blob("callbacks", is_documented=is_documented)
        await clients.storage.delete(names.GRANTS, blob)
    assert await post(clients, no_ids, Authorization=other) == 403
    assert await read_findings(clients.storage, "callbacks") == (None, None), "it tells nothing"
    assert (await store.read_record(clients.storage, call)).events == []
