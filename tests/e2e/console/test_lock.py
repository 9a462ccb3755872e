"""What a user's role allows is offered, and nothing else; locking removes all that is kept."""

from __future__ import annotations

from playwright.async_api import Page, expect

from local.client import AppClient
from tests.e2e.console.browser import MARKS, Console
from tests.e2e.console.conftest import FROM, SHOWN_FROM, SHOWN_TO, TO

pytestmark = MARKS

NOT_A_LISTENER = "You need the role Listener to hear and read calls"


async def kept(page: Page) -> list[object]:
    """What the browser keeps of the console, and what the page has in memory."""
    stored: list[object] = await page.evaluate(
        "[localStorage.length, sessionStorage.length, window.mark ?? null, location.href]"
    )
    return stored


async def test_locking_removes_all_that_the_console_keeps(console: Console, ended: str) -> None:
    page = console.page
    await console.open_call(ended)
    await page.evaluate("window.mark = 'in memory'")
    await page.get_by_role("button", name="New call").click()
    await page.get_by_label("To", exact=True).fill(TO)
    await page.evaluate(f"sessionStorage.setItem('call-audio.caller-id', '{FROM}')")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Lock").click()
    await expect(page.get_by_label("Function key")).to_be_focused()
    assert await kept(page) == [0, 0, None, console.up.addresses.console]
    await expect(page.get_by_role("navigation")).to_be_hidden()
    content = await page.content()
    for trace in (SHOWN_TO, SHOWN_FROM, ended, console.up.addresses.function_key):
        assert trace not in content
    assert await page.get_by_label("To", exact=True).input_value() == ""
    await page.go_back()
    await expect(page.get_by_label("Function key")).to_be_visible()
    await expect(page.get_by_role("navigation")).to_be_hidden()
    assert await page.locator("#calls li").count() == 0


async def test_the_console_locks_when_it_is_left_alone(console: Console) -> None:
    page = console.page
    await page.clock.install()
    await console.open()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.clock.fast_forward("14:00")
    await page.mouse.move(10, 10)
    await page.clock.fast_forward("14:00")
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.clock.fast_forward("15:00")
    await expect(page.get_by_role("alert")).to_contain_text("Locked after 15 minutes")
    assert (await kept(page))[:2] == [0, 0]


async def test_a_console_that_was_left_long_ago_is_locked_at_once(console: Console) -> None:
    """As after a night: the first input does not unlock it, nor does loading it again."""
    page = console.page
    await console.open()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.evaluate("localStorage.setItem('call-audio.active-at', String(Date.now() - 9e8))")
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("Locked after 15 minutes")
    assert (await kept(page))[:2] == [0, 0]


async def test_a_caller_is_offered_to_place_calls_but_not_to_listen(
    console: Console, ended: str
) -> None:
    page = console.page
    await console.open(console.up.addresses.caller_key)
    await expect(page.locator("#user")).to_have_text("Caller (Caller)")
    await expect(page.get_by_role("button", name="New call")).to_be_visible()
    await page.goto(f"{console.up.addresses.console}#/calls/{ended}")
    await expect(page.locator("[data-timeline-note]")).to_have_text(NOT_A_LISTENER)
    await expect(page.locator("[data-transcript-note]")).to_have_text(NOT_A_LISTENER)
    await expect(page.get_by_role("button", name="Play")).to_be_hidden()
    await expect(page.get_by_role("heading", name="Downloads")).to_be_hidden()


async def test_a_listener_is_offered_to_listen_but_not_to_place_calls(
    console: Console, ended: str
) -> None:
    page = console.page
    await console.open(console.up.addresses.listener_key)
    await expect(page.locator("#user")).to_have_text("Listener (Listener)")
    await page.goto(f"{console.up.addresses.console}#/calls/{ended}")
    await expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=90_000)
    await expect(page.get_by_role("heading", name="Downloads")).to_be_visible()
    await expect(page.get_by_role("button", name="New call")).to_be_hidden()


async def test_an_auditor_reads_who_did_what(console: Console, app: AppClient, ended: str) -> None:
    page = console.page
    status, _, _ = await app.request("GET", f"/api/v1/calls/{ended}/timeline")
    assert status == 200
    await console.open(console.up.addresses.auditor_key)
    await page.goto(f"{console.up.addresses.console}#/calls/{ended}")
    await page.get_by_text("Show who did what").click()
    trail = page.locator("[data-audit]")
    await expect(trail.get_by_text("Read the timeline").first).to_be_visible()
    await expect(trail.get_by_text("Hang up")).to_be_visible()
    await expect(trail.get_by_text("Place call")).to_be_visible()
    await expect(trail).not_to_contain_text("begun")
    await expect(trail).to_contain_text("Admin \u00b7 127.0.0.1")


async def test_the_audit_trail_is_offered_only_to_those_who_may_read_it(
    console: Console, ended: str
) -> None:
    page = console.page
    await console.open(console.up.addresses.listener_key)
    await page.goto(f"{console.up.addresses.console}#/calls/{ended}")
    await expect(page.get_by_role("heading", name="Events")).to_be_visible()
    await expect(page.get_by_role("heading", name="Audit trail")).to_be_hidden()


async def test_a_role_that_was_taken_away_in_the_meantime_is_said_clearly(
    console: Console,
) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("button", name="New call").click()
    await page.evaluate(
        f"sessionStorage.setItem('call-audio.function-key', '{console.up.addresses.listener_key}')"
    )
    await page.get_by_label("To", exact=True).fill(TO)
    await page.get_by_label("Caller ID").fill(FROM)
    await page.get_by_role("button", name="Place call").click()
    await expect(page.locator("#place-error")).to_have_text(
        "You are not allowed to do this: this needs the role Admin or Caller; you have Listener."
    )
