"""The console in a browser: sign-in, the list of calls, the dialog that places one, and polling."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Route, expect

from local.client import AppClient
from tests.e2e.console.browser import MARKS, READY_MS, Console
from tests.e2e.console.conftest import FROM, SHOWN_TO, TO

pytestmark = MARKS


async def test_a_wrong_key_is_refused_and_a_changed_one_signs_out(console: Console) -> None:
    page = console.page
    await console.open("wrong")
    field = page.get_by_label("Function key")
    await expect(page.get_by_role("alert")).to_contain_text("The function key is not valid")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert await page.evaluate("sessionStorage.length") == 0
    await console.open()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    # As if the key was renewed in the app.
    await page.evaluate("sessionStorage.setItem('call-audio.function-key', 'renewed')")
    await expect(page.get_by_role("alert")).to_contain_text("The function key was rejected")
    await expect(page.get_by_role("navigation")).to_be_hidden()
    assert await page.locator("#calls li").count() == 0, "no data stays behind"


async def test_a_missing_call_is_reported(console: Console) -> None:
    await console.page.goto(f"{console.up.addresses.console}#/calls/no-such-call")
    await console.page.get_by_label("Function key").fill(console.up.addresses.function_key)
    await console.page.get_by_role("button", name="Sign in").click()
    await expect(console.page.get_by_role("heading", name="Call not found")).to_be_focused()
    await expect(console.page.get_by_role("alert")).to_contain_text("No call has this ID")
    await expect(console.page.get_by_role("heading", name="Timeline")).to_be_hidden()


async def test_form_errors_are_shown_at_their_fields(console: Console) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("button", name="New call").click()
    await page.get_by_role("button", name="Place call").click()
    to = page.get_by_label("To", exact=True)
    await expect(to).to_be_focused()
    await to.fill("12")
    await page.get_by_role("button", name="Place call").click()
    await expect(page.locator("#place-to-error")).to_contain_text("E.164")
    await expect(to).to_have_attribute("aria-invalid", "true")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="New call")).to_be_focused()


async def test_a_number_that_may_not_be_called_is_reported(console: Console) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("button", name="New call").click()
    await page.get_by_label("To", exact=True).fill("+1 (900) 555-0000")
    await page.get_by_label("Caller ID").fill("+15559990000")
    await page.get_by_role("button", name="Place call").click()
    await expect(page.locator("#place-error")).to_contain_text(
        "ALLOWED_DESTINATIONS does not allow this destination"
    )


async def test_a_malformed_address_shows_a_missing_call(console: Console) -> None:
    await console.open()
    await expect(console.page.get_by_role("heading", name="Calls")).to_be_visible()
    await console.page.goto(f"{console.up.addresses.console}#/calls/%E0%A4%A")
    await expect(console.page.get_by_role("heading", name="Call not found")).to_be_visible()


async def test_data_of_callers_is_shown_as_text(console: Console, app: AppClient) -> None:
    context = "<img src=x onerror=alert(1)><b>bold</b>"
    request: Any = {"to": TO, "from": FROM, "operation_context": context}
    call = (await app.place_call(**request))["call_connection_id"]
    await console.open()
    await console.page.get_by_role("navigation", name="Calls").get_by_role("link").first.click()
    await expect(console.page.locator("[data-details]")).to_contain_text(context)
    assert await console.page.locator("main img, main b b").count() == 0
    await app.hang_up(call)


async def test_a_hidden_tab_sends_no_requests(console: Console) -> None:
    await console.open()
    await expect(console.page.locator("#connection-text")).to_have_text("Up to date")
    set_hidden = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await console.page.evaluate(set_hidden, True)
    await expect(console.page.locator("#connection-text")).to_have_text("Paused")
    requests: list[str] = []
    console.page.on("request", lambda request: requests.append(request.url))
    await console.page.wait_for_timeout(4000)
    assert requests == []
    await console.page.evaluate(set_hidden, False)
    await expect(console.page.locator("#connection-text")).to_have_text("Up to date")
    assert requests


async def test_an_unreachable_app_is_reported_until_it_is_back(console: Console) -> None:
    await console.open()
    await expect(console.page.locator("#connection-text")).to_have_text("Up to date")
    await console.page.route("**/api/v1/calls?*", lambda route: route.abort())
    await expect(console.page.locator("#connection-text")).to_contain_text("Cannot reach the app")
    await console.page.unroute("**/api/v1/calls?*")
    await expect(console.page.locator("#connection-text")).to_have_text(
        "Up to date", timeout=READY_MS
    )


async def test_a_call_that_cannot_be_loaded_says_so_until_it_can(
    console: Console, ended: str
) -> None:
    page = console.page
    await console.open()
    await expect(page.locator("#connection-text")).to_have_text("Up to date")
    await page.route("**/api/v1/calls*", lambda route: route.abort())
    await page.route("**/api/v1/calls/*", lambda route: route.abort())
    await page.goto(f"{console.up.addresses.console}#/calls/{ended}")
    await expect(page.locator("[data-alerts]")).to_contain_text("This call cannot be loaded")
    # It also tries again by itself, and might do so before the click.
    await console.stop_timers()
    await page.reload()
    await expect(page.locator("#calls-empty")).to_have_text("The list of calls cannot be loaded")
    await page.unroute("**/api/v1/calls*")
    await page.unroute("**/api/v1/calls/*")
    await page.get_by_role("button", name="Try now").click()
    await expect(page.get_by_role("heading", name=SHOWN_TO)).to_be_visible()
    await expect(page.locator("[data-alerts]")).not_to_contain_text("cannot be loaded")


async def test_the_key_is_kept_for_other_tabs_only_if_the_user_says_so(console: Console) -> None:
    page = console.page
    await console.open()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    other = await console.context.new_page()
    await other.goto(console.up.addresses.console)
    await expect(other.get_by_label("Function key")).to_be_visible()
    await other.get_by_label("Stay signed in").check()
    await other.get_by_label("Function key").fill(console.up.addresses.function_key)
    await other.get_by_role("button", name="Sign in").click()
    await expect(other.get_by_role("heading", name="Calls")).to_be_visible()
    third = await console.context.new_page()
    await third.goto(console.up.addresses.console)
    await expect(third.get_by_role("heading", name="Calls")).to_be_visible()
    await third.get_by_role("button", name="Lock").click()
    for tab in (page, other, third):
        await expect(tab.get_by_label("Function key")).to_be_visible()
    assert await third.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


async def test_calls_are_grouped_by_day(console: Console, ended: str) -> None:
    async def add_days(route: Route) -> None:
        call = await (
            await route.fetch(url=f"{route.request.url.partition('?')[0]}/{ended}")
        ).json()
        now = datetime.now(UTC)
        times = [now, now, now - timedelta(days=1), now - timedelta(days=400)]
        calls = [
            call | {"call_connection_id": f"call-{n}", "created_at": time.isoformat()}
            for n, time in enumerate(times)
        ]
        await route.fulfill(json={"calls": calls, "cursor": None})

    await console.page.route("**/api/v1/calls?*", add_days)
    await console.open()
    items = console.page.locator("#calls > li")
    await expect(items).to_have_count(7)
    kinds = await items.evaluate_all("nodes => nodes.map((node) => node.className)")
    assert kinds == ["day", "", "", "day", "", "day", ""]
    await expect(items.nth(0)).to_have_text("Today")
    await expect(items.nth(3)).to_have_text("Yesterday")
