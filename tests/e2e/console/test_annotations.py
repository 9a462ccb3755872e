"""The console in a browser: tags and notes, a new call's options, events, export and erasure."""

from __future__ import annotations

import re
import zipfile
from typing import Any

from playwright.async_api import expect

from local.client import AppClient, is_assembled, state_is, streaming_is
from tests.e2e.console.browser import MARKS, READY_MS, Console
from tests.e2e.console.conftest import FROM, SHOWN_FROM, TO

pytestmark = MARKS


async def test_a_call_is_placed_with_options_tagged_and_noted(
    console: Console, app: AppClient
) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("button", name="New call").click()
    dialog = page.get_by_role("dialog", name="New call")
    await dialog.get_by_label("To", exact=True).fill(TO)
    await dialog.get_by_label("Caller ID").fill(FROM)
    await dialog.get_by_label("Stream audio").uncheck()
    await dialog.get_by_label("Tags").fill("vip, claim 12")
    await dialog.get_by_text("More options").click()
    await dialog.get_by_label("Name").fill("Robin Ray")
    await dialog.get_by_label("Language").fill("de-DE, en-US")
    await dialog.get_by_label("Days to keep it").fill("30")
    await dialog.get_by_label("Announcement before recording").fill("This call is recorded.")
    # What the app refuses is said at its field, where it may be hidden.
    await dialog.get_by_text("More options").click()
    await dialog.get_by_role("button", name="Place call").click()
    error = page.locator("#place-announcement-error")
    await expect(error).to_contain_text("cognitive_services_endpoint")
    await expect(dialog.get_by_label("Announcement before recording")).to_be_focused()
    await dialog.get_by_label("Announcement before recording").fill("")
    await dialog.get_by_role("button", name="Place call").click()
    await expect(page.get_by_role("heading", name="Robin Ray")).to_be_visible()
    call = page.url.rpartition("/")[2]
    record = await app.until(call, state_is("connected"), "the call connects")
    assert record["tags"] == ["vip", "claim 12"]
    assert (record["retention_days"], record["locales"]) == (30, ["de-DE", "en-US"])

    tags = page.get_by_role("group", name="Tags")
    await tags.get_by_role("button", name="Remove tag vip").click()
    await expect(tags.get_by_role("listitem")).to_have_text(["claim 12\u00d7"])
    await tags.get_by_role("button", name="Add tag").click()
    await tags.get_by_label("New tag").fill("x" * 65)
    await page.keyboard.press("Enter")
    await expect(tags.get_by_role("alert")).to_contain_text("1 to 64 characters")
    await tags.get_by_label("New tag").fill("<b>urgent</b>")
    await page.keyboard.press("Enter")
    await expect(tags.get_by_role("listitem")).to_have_text(
        ["claim 12\u00d7", "<b>urgent</b>\u00d7"]
    )
    await page.keyboard.press("Escape")
    await expect(tags.get_by_role("button", name="Add tag")).to_be_focused()
    row = page.locator(f".call-row[data-call='{call}']")
    await expect(row.locator(".tag")).to_have_text(["claim 12", "<b>urgent</b>"])

    await page.get_by_role("button", name="Add notes").click()
    notes = page.get_by_role("textbox", name="Notes")
    await notes.fill("Asked for a refund.\nCall back on Monday.")
    await page.keyboard.press("Control+Enter")
    text = page.locator("[data-note-text]")
    await expect(text).to_have_text("Asked for a refund.\nCall back on Monday.")
    await page.get_by_role("button", name="Edit").click()
    await notes.fill("Not this")
    await page.keyboard.press("Escape")
    await expect(text).to_contain_text("refund")
    assert (await app.show(call))["notes"] == "Asked for a refund.\nCall back on Monday."
    await app.hang_up(call)


async def test_a_call_is_followed_by_its_events_and_without_them(
    console: Console, app: AppClient
) -> None:
    page = console.page
    request: Any = {"to": TO, "from": FROM, "start_streaming": False}
    calls = [(await app.place_call(**request))["call_connection_id"] for _ in range(2)]
    await console.open()
    for call, has_events in zip(calls, (True, False), strict=True):
        await app.until(call, state_is("connected"), "the call connects")
        if has_events:
            async with page.expect_request(re.compile(r"/events\?.*wait_s=25")):
                await page.goto(f"{console.up.addresses.console}#/calls/{call}")
        else:
            await page.route("**/events?*", lambda route: route.abort())
            await page.goto(f"{console.up.addresses.console}#/calls/{call}")
        await expect(page.locator(".call .badge")).to_have_text("Not streaming")
        await app.hang_up(call)
        await expect(page.locator(".call .badge")).to_have_text(re.compile("Ended|Processing"))


async def test_all_files_of_a_call_are_downloaded(console: Console, ended: str) -> None:
    page = console.page
    await console.open_call(ended)
    async with page.expect_download(timeout=READY_MS) as download:
        await page.get_by_role("button", name="All files (zip)").click()
    file = await download.value
    assert file.suggested_filename == f"call-{ended}.zip"
    names = zipfile.ZipFile(await file.path()).namelist()
    assert {"recording.wav", "transcript.json", "timeline.json"} <= set(names)


async def test_one_participant_is_erased(console: Console, app: AppClient) -> None:
    page = console.page
    request: Any = {"to": TO, "from": FROM, "channels": "unmixed"}
    call = (await app.place_call(**request))["call_connection_id"]
    await app.until(call, streaming_is("active"), "streaming starts")
    await app.until(call, lambda r: len(r["landed_segments"]) >= 2, "segments of both")
    await app.hang_up(call)
    await app.until(call, lambda r: is_assembled(r, 1), "the result")
    await console.open()
    await page.goto(f"{console.up.addresses.console}#/calls/{call}")
    await page.get_by_role("button", name="Erase participant").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(SHOWN_FROM).check()
    async with page.expect_request(lambda r: r.method == "DELETE") as erasure:
        await dialog.get_by_role("button", name="Erase").click()
    # A URL must have no phone number: the track names the participant.
    assert re.search(r"\?participant=p[12]$", (await erasure.value).url)
    await expect(page.get_by_text("Participant erased")).to_be_visible(timeout=READY_MS)
    await expect(page.locator(".lane")).to_have_count(1, timeout=READY_MS)
