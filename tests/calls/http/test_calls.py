"""Calls over HTTP: placing, streaming and hanging up, against the emulator."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from calls.clients import Clients
from calls.control.placing import PlaceCall
from calls.http import calls
from calls.http.calls import parse_place_call
from calls.http.problems import Problem
from calls.settings import Settings
from tests.calls.handler_requests import create_record, decode_body, send_request
from tests.calls.sample_streams import new_call_id
from tests.calls.test_outgoing_urls import ATTACKS

TO, CALLER = "+15551230000", "+15559990000"
USER = "8:acs:3d20e1de-0f28-41c5_0000"
BODY = {"to": TO, "from": CALLER}


def parse(members: dict[str, Any], **settings: Any) -> PlaceCall:
    return parse_place_call(members, Settings(**settings))


def test_a_body_with_its_defaults() -> None:
    assert parse(BODY) == PlaceCall(
        to=TO,
        from_=CALLER,
        channels="mixed",
        sample_rate=16_000,
        start_streaming=True,
        operation_context=None,
        cognitive_services_endpoint=None,
    )


def test_a_call_s_webhook_is_on_a_host_that_the_settings_list() -> None:
    url = "https://hooks.example/calls"
    assert parse(BODY | {"webhook_url": url}, webhook_hosts="hooks.example").webhook_url == url
    for hosts in ("", "other.example"):
        with pytest.raises(Problem) as refused:
            parse(BODY | {"webhook_url": url}, webhook_hosts=hosts)
        assert refused.value.errors == [
            {
                "field": "webhook_url",
                "message": "must be https:// and a path on one of WEBHOOK_HOSTS, without a query",
            }
        ]
    for attack in ATTACKS:
        with pytest.raises(Problem):
            parse(BODY | {"webhook_url": attack}, webhook_hosts="hooks.example")


def test_a_body_with_all_fields() -> None:
    members = {
        "to": USER,
        "from": CALLER,
        "channels": "unmixed",
        "sample_rate": 24_000,
        "start_streaming": False,
        "operation_context": "context",
        "cognitive_services_endpoint": "https://my-speech.cognitiveservices.azure.com",
        "locale": ["de-de", "en-US"],
        "names": {USER: "Zoë", CALLER: "Support \U0001f469\u200d\U0001f4bb"},
    }
    assert parse(members) == PlaceCall(
        to=USER,
        from_=CALLER,
        channels="unmixed",
        sample_rate=24_000,
        start_streaming=False,
        operation_context="context",
        cognitive_services_endpoint="https://my-speech.cognitiveservices.azure.com",
        locales=["de-DE", "en-US"],
        names={f"4:{CALLER}": "Support \U0001f469\u200d\U0001f4bb", USER: "Zoë"},
    )


@pytest.mark.parametrize("endpoint", ATTACKS)
def test_no_attack_on_the_list_of_hosts_reaches_acs(endpoint: str) -> None:
    with pytest.raises(Problem) as refused:
        parse(BODY | {"cognitive_services_endpoint": endpoint})
    assert refused.value.errors is not None
    assert [error["field"] for error in refused.value.errors] == ["cognitive_services_endpoint"]
    assert endpoint == "" or endpoint not in refused.value.body().decode()


def test_a_setting_adds_hosts() -> None:
    body = BODY | {"cognitive_services_endpoint": "https://a.speech.example/"}
    with pytest.raises(Problem):
        parse(body)
    call = parse(body, cognitive_services_hosts="*.speech.example")
    assert call.cognitive_services_endpoint == "https://a.speech.example/"


@pytest.mark.parametrize(
    ("setting", "permitted"),
    [("off", ["off"]), ("times", ["times", "off"]), ("digits", ["digits", "times", "off"])],
)
def test_a_call_keeps_no_more_of_dtmf_tones_than_the_setting(
    setting: str, permitted: list[str]
) -> None:
    assert parse(BODY, dtmf=setting).dtmf == setting
    for mode in ("off", "times", "digits"):
        body = BODY | {"dtmf": mode}
        if mode in permitted:
            assert parse(body, dtmf=setting).dtmf == mode
            continue
        with pytest.raises(Problem) as refused:
            parse(body, dtmf=setting)
        assert refused.value.errors is not None
        assert [error["field"] for error in refused.value.errors] == ["dtmf"]


def test_a_user_is_called_without_a_caller_id() -> None:
    assert parse({"to": USER}).from_ is None


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({}, ["to"]),
        ({"to": ""}, ["to"]),
        ({"to": 7}, ["to"]),
        ({"to": "15551230000"}, ["to"]),
        ({"to": "4:+15551230000"}, ["to"]),
        ({"to": "8:acs:a b"}, ["to"]),
        ({"to": TO}, ["from"]),
        ({"to": TO, "from": ""}, ["from"]),
        ({"to": TO, "from": USER}, ["from"]),
        ({"from": "x"}, ["to", "from"]),
        (BODY | {"channels": "stereo"}, ["channels"]),
        (BODY | {"sample_rate": 8000}, ["sample_rate"]),
        (BODY | {"start_streaming": 1}, ["start_streaming"]),
        (BODY | {"operation_context": "x" * 1025}, ["operation_context"]),
        (
            BODY | {"cognitive_services_endpoint": "https://169.254.169.254/"},
            ["cognitive_services_endpoint"],
        ),
        (BODY | {"locale": "english"}, ["locale"]),
        (BODY | {"locale": ""}, ["locale"]),
        (BODY | {"locale": []}, ["locale"]),
        (BODY | {"locale": 7}, ["locale"]),
        (BODY | {"locale": ["en-US", 7]}, ["locale"]),
        (BODY | {"locale": ["auto", "en-US"]}, ["locale"]),
        (BODY | {"locale": ["en-US"] * 11}, ["locale"]),
        (BODY | {"names": [TO]}, ["names"]),
        (BODY | {"names": {TO: 7}}, ["names"]),
        (BODY | {"names": {TO: ""}}, ["names"]),
        (BODY | {"names": {TO: "x" * 257}}, ["names"]),
        (BODY | {"names": {TO: "Zoë\n"}}, ["names"]),
        (BODY | {"names": {"": "Zoë"}}, ["names"]),
        (BODY | {"names": {"4:\n": "Zoë"}}, ["names"]),
        (BODY | {"names": {TO: "Zoë", f"4:{TO}": "Ann"}}, ["names"]),
        (BODY | {"names": {str(n): "x" for n in range(101)}}, ["names"]),
        (BODY | {"unknown": 1}, ["unknown"]),
        (BODY | {"channels": 1, "unknown": 1}, ["channels", "unknown"]),
    ],
)
def test_a_wrong_body_names_its_fields(members: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Problem) as refused:
        parse(members)
    assert refused.value.status == 400
    assert refused.value.errors is not None
    assert [error["field"] for error in refused.value.errors] == fields


@pytest.mark.parametrize(
    ("locale", "expected"), [("en-us", ["en-US"]), ("auto", ["auto"]), (None, None)]
)
def test_one_locale_or_none(locale: str | None, expected: list[str] | None) -> None:
    assert parse(BODY | {"locale": locale}).locales == expected


def test_the_order_of_names_makes_no_other_call() -> None:
    names = {TO: "Zoë", CALLER: "Support"}
    reverse = dict(reversed(names.items()))
    one, other = (parse(BODY | {"names": each}) for each in (names, reverse))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


async def test_a_call_is_placed_once_with_an_idempotency_key(acs_clients: Clients) -> None:
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    body = msgspec.json.encode(BODY)
    placed = await send_request(acs_clients, calls.place_call, "POST", body=body, headers=headers)
    record = decode_body(placed)
    call = record["call_connection_id"]
    assert (placed.status_code, placed.headers["Location"]) == (201, f"/api/v1/calls/{call}")
    assert "Idempotent-Replayed" not in placed.headers
    assert (record["to"], record["from"], record["direction"]) == (TO, CALLER, "outgoing")
    replayed = await send_request(acs_clients, calls.place_call, "POST", body=body, headers=headers)
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (201, "true")
    assert decode_body(replayed) == record
    other = msgspec.json.encode(BODY | {"channels": "unmixed"})
    reused = await send_request(acs_clients, calls.place_call, "POST", body=other, headers=headers)
    assert reused.status_code == 422


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_an_idempotency_key_has_a_length(acs_clients: Clients, key: str) -> None:
    response = await send_request(
        acs_clients,
        calls.place_call,
        "POST",
        body=msgspec.json.encode(BODY),
        headers={"Idempotency-Key": key},
    )
    assert response.status_code == 400
    assert "Idempotency-Key" in decode_body(response)["detail"]


async def test_an_acs_that_does_not_answer(clients: Clients) -> None:
    response = await send_request(clients, calls.place_call, "POST", body=msgspec.json.encode(BODY))
    assert response.status_code == 502
    assert decode_body(response)["detail"].startswith("ACS did not answer: the call was not placed")


async def test_an_answer_of_acs_is_passed_on(acs_clients: Clients) -> None:
    call = new_call_id()
    await create_record(acs_clients, call)
    response = await send_request(acs_clients, calls.start_streaming, "POST", id=call)
    assert response.status_code == 502
    assert decode_body(response)["acs"] == {
        "status": "404",
        "code": "8522",
        "message": "Call not found.",
    }


async def test_streaming_that_the_call_s_state_does_not_allow(acs_clients: Clients) -> None:
    placed = await send_request(
        acs_clients, calls.place_call, "POST", body=msgspec.json.encode(BODY)
    )
    call = decode_body(placed)["call_connection_id"]
    started = await send_request(acs_clients, calls.start_streaming, "POST", id=call)
    assert started.status_code == 409
    assert decode_body(started)["detail"] == "the media streaming is starting"
    stopped = await send_request(acs_clients, calls.stop_streaming, "POST", id=call)
    assert stopped.status_code == 409, "the call is not connected yet"
    assert decode_body(stopped)["acs"]["code"] == "8501"


@pytest.mark.parametrize("body", [b'{"unknown":1}', b'{"operation_context":""}', b"["])
async def test_a_wrong_body_for_streaming(clients: Clients, body: bytes) -> None:
    call = new_call_id()
    await create_record(clients, call)
    response = await send_request(clients, calls.start_streaming, "POST", body=body, id=call)
    assert response.status_code == 400


async def test_hanging_up(acs_clients: Clients) -> None:
    async def receive_callbacks(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_post("/api/v1/callbacks", receive_callbacks)
    # The emulator delivers the event of the call's end before it answers.
    async with TestServer(app) as server:
        acs_clients.settings = msgspec.structs.replace(
            acs_clients.settings, callback_url=str(server.make_url(""))
        )
        placed = await send_request(
            acs_clients, calls.place_call, "POST", body=msgspec.json.encode(BODY)
        )
        call = decode_body(placed)["call_connection_id"]
        response = await send_request(acs_clients, calls.hang_up, "POST", id=call)
    assert (response.status_code, response.get_body()) == (204, b"")


@pytest.mark.parametrize("handler", [calls.start_streaming, calls.stop_streaming, calls.hang_up])
@pytest.mark.parametrize("call", ["nothing", "..", ""])
async def test_no_such_call(clients: Clients, handler: Any, call: str) -> None:
    assert (await send_request(clients, handler, "POST", id=call)).status_code == 404
