"""Feature by feature what the ACS audio streaming quickstart has, over real processes.

Source: ``audio-streaming-quickstart-python.md`` of Microsoft's documents.
"""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from local import verify
from local.client import AppClient, Json, is_assembled, state_is, streaming_is
from local.up import Up
from tests.e2e.ringing import wait_for_audio

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"to": "+15551230000", "from": "+15559990000"}


async def asked_of_acs(emulator: aiohttp.ClientSession, call: str) -> list[dict[str, Any]]:
    """What the real client asked of ACS for a call, in its order."""
    async with emulator.get(f"/emulator/calls/{call}/requests") as answer:
        asked: list[dict[str, Any]] = await answer.json()
        return asked


def events(record: Json, name: str) -> list[Json]:
    return [event for event in record["events"] if event["type"] == name]


async def test_create_call_with_media_streaming_options_and_cognitive_endpoint(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    cognitive = "https://my-speech.cognitiveservices.azure.com"
    record = await app.place_call(
        **PHONE,
        channels="unmixed",
        sample_rate=24_000,
        start_streaming=False,
        operation_context="quickstart",
        cognitive_services_endpoint=cognitive,
    )
    call = record["call_connection_id"]
    (create,) = await asked_of_acs(faults, call)
    body = create["body"]
    options = body["mediaStreamingOptions"]
    transport_url = options.pop("transportUrl")
    assert transport_url.startswith(up.addresses.streamer + "/media/")
    assert len(transport_url.rpartition("/")[2]) >= 32, "the token cannot be guessed"
    assert options == {
        "transportType": "websocket",
        "contentType": "audio",
        "audioChannelType": "unmixed",
        "startMediaStreaming": False,
        "enableDtmfTones": False,
        "audioFormat": "pcm24KMono",
    }
    assert body["callbackUri"] == up.addresses.app + "/api/v1/callbacks"
    assert body["operationContext"] == "quickstart"
    assert body["callIntelligenceOptions"] == {"cognitiveServicesEndpoint": cognitive}
    assert body["targets"][0]["rawId"] == "4:" + PHONE["to"]
    assert body["sourceCallerIdNumber"] == {"value": PHONE["from"]}
    await app.hang_up(call)


async def test_start_streaming_with_callback_and_context(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE, start_streaming=False))["call_connection_id"]
    await app.until(call, state_is("connected"), "the call connects")
    await app.streaming(call, "start", operation_context="startMediaStreamingContext")
    record = await app.until(call, streaming_is("active"), "streaming starts")
    _, start = await asked_of_acs(faults, call)
    assert start == {
        "operation": "startMediaStreaming",
        "body": {
            "operationCallbackUri": up.addresses.app + "/api/v1/callbacks",
            "operationContext": "startMediaStreamingContext",
        },
    }
    (started,) = events(record, "MediaStreamingStarted")
    assert started["operation_context"] == "startMediaStreamingContext"
    assert record["streaming"]["details"] == "subscriptionStarted"
    await app.hang_up(call)


async def test_stop_streaming_with_callback(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    # ACS delivers the event that the call is connected after that of the streaming.
    await app.until(call, state_is("connected"), "the call connects")
    await app.streaming(call, "stop")
    record = await app.until(call, streaming_is("inactive"), "streaming stops")
    assert record["state"] == "connected", "only the streaming has stopped"
    _, stop = await asked_of_acs(faults, call)
    assert stop == {
        "operation": "stopMediaStreaming",
        "body": {"operationCallbackUri": up.addresses.app + "/api/v1/callbacks"},
    }
    assert len(events(record, "MediaStreamingStopped")) == 1
    await app.hang_up(call)


async def test_metadata_packet_and_data_packets(
    app: AppClient, up: Up, faults: aiohttp.ClientSession
) -> None:
    """What both packets say is in what landed: the rate, the subscription, the very samples."""
    call = (await app.place_call(**PHONE, sample_rate=24_000))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await wait_for_audio(faults, call, 96_000)
    await app.hang_up(call)
    record = await app.until(call, lambda r: is_assembled(r, 1), "the result")
    (stream,) = record["streams"]
    assert stream["sample_rate"] == 24_000
    sent = await verify.fetch_sent(up.addresses.acs_endpoint, call)
    landed = await verify.fetch_uploaded(up.addresses.storage_connection_string, call)
    assert verify.compare(sent, landed) > 0


async def test_its_errors_are_not_swallowed(app: AppClient, faults: aiohttp.ClientSession) -> None:
    """ACS cannot open the WebSocket: its own code, subcode and details are in the record."""
    await faults.post("/emulator/faults", json={"media_token": "expired"})
    call = (await app.place_call(**PHONE))["call_connection_id"]
    await app.until(call, streaming_is("failed"), "the streaming fails")
    # The call itself goes on; the event that it is connected may be the later of the two.
    record = await app.until(call, state_is("connected"), "the call connects")
    assert record["streaming"]["state"] == "failed"
    assert record["streaming"]["result"]["sub_code"] in (8581, 8603)
    assert record["streaming"]["result"]["message"]
    assert record["streaming"]["details"]
    (failed,) = events(record, "MediaStreamingFailed")
    assert failed["result"] == record["streaming"]["result"]
    await app.hang_up(call)


async def test_a_start_whose_response_was_lost_is_not_repeated(
    app: AppClient, faults: aiohttp.ClientSession
) -> None:
    """ACS carries a start out but answers 503: the client must not repeat it by itself."""
    await faults.post("/emulator/faults", json={"operation_status": 503})
    call = (await app.place_call(**PHONE, start_streaming=False))["call_connection_id"]
    await app.until(call, state_is("connected"), "the call connects")
    status, problem, _ = await app.request("POST", f"/api/v1/calls/{call}/streaming/start")
    assert status == 502
    assert problem["acs"] == {"status": "503", "code": "8500", "message": "Internal server error."}
    starts = [a for a in await asked_of_acs(faults, call) if a["operation"] != "create"]
    assert len(starts) == 1
    record = await app.until(call, streaming_is("active"), "it was carried out all the same")
    assert len(events(record, "MediaStreamingStarted")) == 1
    await app.hang_up(call)
