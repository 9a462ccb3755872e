"""The console in a browser: calls while they run, and what they leave behind."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
from azure.storage.blob.aio import BlobServiceClient
from playwright.async_api import expect

from contract import names
from local.client import AppClient
from local.up import Up
from tests.calls.sample_streams import SampleStream
from tests.e2e.console.browser import MARKS, READY_MS, Console
from tests.e2e.console.conftest import FROM, SHOWN_FROM, SHOWN_TO, TO
from tests.e2e.ringing import simulate_incoming_call

pytestmark = MARKS


async def test_an_incoming_call_is_shown_with_its_caller(console: Console) -> None:
    page = console.page
    await console.open()
    async with aiohttp.ClientSession(console.up.addresses.acs_endpoint) as emulator:
        ring = await simulate_incoming_call(emulator, to=TO, **{"from": FROM})
    row = page.get_by_role("navigation", name="Calls").get_by_role("link").first
    await expect(row).to_have_accessible_name(re.compile(rf"{re.escape(SHOWN_FROM)}.*Incoming"))
    await row.click()
    await expect(page).to_have_url(re.compile(f"#/calls/{ring['call_connection_id']}"))
    await expect(page.get_by_role("heading", name=SHOWN_FROM)).to_be_visible()
    await expect(page.locator(".call")).to_contain_text(f"Incoming call to {SHOWN_TO}")
    await expect(page.locator(".call .badge")).to_have_text("Live")
    await page.get_by_role("button", name="Pause recording").click()
    await expect(page.locator(".call .badge")).to_have_text("Paused")
    await expect(page.locator("[data-pause-note]")).to_have_text(re.compile("^Paused by "))
    await expect(page.get_by_role("button", name="Start streaming")).to_be_hidden()
    await page.get_by_role("button", name="Resume recording").click()
    await expect(page.locator(".call .badge")).to_have_text("Live")
    await page.get_by_role("button", name="Stop streaming").click()
    await expect(page.locator(".call .badge")).to_have_text("Not streaming")
    await expect(page.get_by_role("button", name="Pause recording")).to_be_hidden()
    await console.hang_up()
    await expect(page.locator(".call .badge")).to_have_text(re.compile("Processing|Ended"))


async def test_a_call_is_placed_watched_live_stopped_played_and_read(console: Console) -> None:
    page = console.page
    await console.open()
    call = await console.place_call(TO, "+1 (555) 999-0000")
    await expect(page.get_by_role("heading", name=SHOWN_TO)).to_be_focused()
    await expect(page.locator(".call .badge")).to_have_text("Live")

    # Live: a lane per participant, and a waveform that grows with each uploaded segment.
    for participant in (SHOWN_TO, SHOWN_FROM):
        lane = page.get_by_role(
            "img", name=re.compile(f"Waveform of {re.escape(participant)}.*recording")
        )
        await expect(lane).to_have_accessible_name(re.compile(r"[1-9]\d* segments? uploaded"))
    row = page.get_by_role("navigation", name="Calls").get_by_role("link").first
    await expect(row).to_have_accessible_name(re.compile(rf"{re.escape(SHOWN_TO)}.*Live"))
    await expect(page.locator("[data-legend]")).to_contain_text("Sound")

    await page.get_by_role("button", name="Stop streaming").click()
    await expect(page.locator(".call .badge")).to_have_text("Not streaming")
    await page.get_by_role("button", name="Start streaming").click()
    await expect(page.get_by_role("button", name="Stop streaming")).to_be_enabled()

    # Hanging up asks for confirmation, and can be cancelled.
    await page.get_by_role("button", name="Hang up").click()
    await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("button", name="Hang up")).to_be_focused()
    await console.hang_up()
    await expect(page.locator(".call .badge")).to_have_text(re.compile("Processing|Ended"))
    await expect(page.get_by_role("button", name="Hang up")).to_be_hidden()
    assert call in page.url

    play = page.get_by_role("button", name="Play")
    await expect(play).to_be_visible(timeout=READY_MS)
    await play.click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.get_by_label("Playback position")).not_to_have_value(
        re.compile(r"^0(\.[0-3])?$")
    )
    await page.get_by_role("button", name="Pause").click()
    text = page.locator(".utterance-text").first
    await expect(text).to_have_text(re.compile(r"\w+ \w+"), timeout=READY_MS)


async def test_lost_audio_is_shown(
    console: Console, app: AppClient, faults: aiohttp.ClientSession
) -> None:
    await faults.post("/emulator/faults", json={"drop": 0.2})
    await console.open()
    call = await console.place_call(TO, FROM, mixed=True)
    await app.until(call, lambda r: len(r["landed_segments"]) >= 2, "two segments")
    await console.hang_up()
    await expect(console.page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
    await expect(console.page.locator("[data-issues]")).to_contain_text(
        re.compile(r"Lost audio.* in \d+ gaps, replaced with silence")
    )
    await expect(console.page.locator("[data-legend]")).to_contain_text("Lost audio")
    await expect(console.page.get_by_role("button", name=re.compile("^Mute"))).to_be_hidden()


async def test_a_call_without_audio_is_named_as_such(
    console: Console, app: AppClient, up: Up
) -> None:
    request: Any = {"to": TO, "from": FROM, "start_streaming": False}
    call = (await app.place_call(**request))["call_connection_id"]
    await app.until(call, lambda r: r["state"] == "connected", "the call connects")
    await app.hang_up(call)
    async with BlobServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as service:
        blob, content = SampleStream(call, {}).manifest_blob
        await service.get_blob_client(names.MANIFESTS, blob).upload_blob(content)
        await app.until(call, lambda r: bool(r["summary"]), "the result")
    page = console.page
    await console.open()
    await page.goto(f"{up.addresses.console}#/calls/{call}")
    await expect(page.locator("[data-timeline-note]")).to_have_text("No audio was streamed")
    await expect(page.get_by_role("heading", name="Downloads")).to_be_hidden()
    await expect(page.get_by_role("group", name="Player")).to_be_hidden()
