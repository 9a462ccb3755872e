"""The console in a browser: a call is held, released and deleted."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import expect

from local.client import AppClient, state_is
from tests.e2e.console.browser import MARKS, READY_MS, Console
from tests.e2e.console.conftest import FROM, TO

pytestmark = MARKS


async def open_call(console: Console, app: AppClient) -> str:
    """Place a call, and open it in the console."""
    request: Any = {"to": TO, "from": FROM, "start_streaming": False}
    call: str = (await app.place_call(**request))["call_connection_id"]
    await app.until(call, state_is("connected"), "the call connects")
    await console.open()
    await console.page.goto(f"{console.up.addresses.console}#/calls/{call}")
    await expect(console.page.get_by_role("button", name="Hang up")).to_be_visible()
    return call


async def test_a_call_is_held_released_and_deleted(console: Console, app: AppClient) -> None:
    page = console.page
    call = await open_call(console, app)
    await expect(page.get_by_role("button", name="Delete call")).to_be_hidden()
    await app.hang_up(call)
    delete_button = page.get_by_role("button", name="Delete call")
    await expect(delete_button).to_be_enabled()

    await page.get_by_role("button", name="Place on hold").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Cancel").click()
    await page.get_by_role("button", name="Place on hold").click()
    await dialog.get_by_label("Reason").fill("Claim 118")
    await page.keyboard.press("Enter")
    note = page.locator("[data-hold-note]")
    await expect(note).to_have_text(re.compile("^On legal hold since .*: Claim 118$"))
    await expect(delete_button).to_be_disabled()
    await page.get_by_role("button", name="Release hold").click()
    await expect(note).to_be_hidden()

    await delete_button.click()
    await dialog.get_by_role("button", name="Cancel").click()
    await delete_button.click()
    await dialog.get_by_role("button", name="Delete call").click()
    await expect(page.get_by_role("heading", name="Call deleted")).to_be_visible()
    await expect(page.locator("[data-alerts]")).to_contain_text(re.compile(r"\d+ files? deleted"))
    await expect(page.get_by_role("heading", name="Timeline")).to_be_hidden()
    await expect(page.locator(f"#calls a[href*='{call}']")).to_have_count(0)
    status, problem, _ = await app.request("GET", f"/api/v1/calls/{call}")
    assert (status, problem["code"]) == (410, "call_deleted")


async def test_a_call_that_somebody_else_deleted_is_gone(console: Console, app: AppClient) -> None:
    page = console.page
    call = await open_call(console, app)
    status, _, _ = await app.request("DELETE", f"/api/v1/calls/{call}?hangup=true")
    assert status == 202
    # An ended call is loaded again every 20 s only.
    gone = page.get_by_role("heading", name="Call deleted")
    await expect(gone).to_be_visible(timeout=READY_MS)
    await expect(page.get_by_role("alert")).to_contain_text("was deleted at")
