"""Signing in to the console with App Service Authentication's pages, as the local host has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from local.azurite import Azurite, create_containers
from local.host.sign_in import COOKIE
from tests.app_host import Host, start_host
from tests.e2e.console.browser import MARKS, WAIT_MS
from tests.e2e.console.conftest import FROM, TO

pytestmark = MARKS


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def host(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Host]:
    await asyncio.to_thread(create_containers, azurite.connection_string)
    running = await start_host(azurite, tmp_path_factory.mktemp("sign-in"), "--sign-in")
    yield running
    await running.part.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of a browser without cookies. No script may fail in it."""
    context = await browser.new_context()
    context.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []


async def sign_in(page: Page, host: Host, *roles: str) -> None:
    """Follow the console's link, and choose who to be."""
    await page.goto(f"{host.url}/api/console")
    await page.get_by_role("link", name="Sign in with Microsoft").click()
    await page.get_by_label("Name").fill("robin.ray@example.com")
    for role in roles:
        await page.get_by_label(role, exact=True).check()
    await page.get_by_role("button", name="Sign in").click()


async def test_a_user_signs_in_does_what_the_roles_allow_and_locks(page: Page, host: Host) -> None:
    await page.goto(f"{host.url}/api/console")
    await expect(page.get_by_label("Function key")).to_be_hidden()
    await sign_in(page, host, "Caller", "Auditor")
    await expect(page.locator("#user")).to_have_text("robin.ray@example.com (Caller, Auditor)")
    await page.get_by_role("button", name="New call").click()
    await page.get_by_label("To", exact=True).fill(TO)
    await page.get_by_label("Caller ID").fill(FROM)
    await page.get_by_role("button", name="Place call").click()
    # The change has got past the app: it is ACS that does not answer.
    await expect(page.locator("#place-error")).to_contain_text("ACS did not answer")
    await page.keyboard.press("Escape")
    (cookie,) = await page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"]) == (COOKIE, True)
    assert await page.evaluate("sessionStorage.length") == 0
    await page.get_by_role("button", name="Lock").click()
    await expect(page.get_by_role("link", name="Sign in with Microsoft")).to_be_focused()
    assert await page.context.cookies() == []
    assert await page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    status, _ = await host.ask("GET", "/api/v1/me", cookie["value"])
    assert status == 401, "the session has ended, not only the cookie"


async def test_whoever_has_no_role_is_told_so(page: Page, host: Host) -> None:
    await sign_in(page, host)
    await expect(page.locator("#sign-in-text")).to_contain_text("you have no role")
    await expect(page.get_by_role("navigation")).to_be_hidden()
    await page.get_by_role("button", name="Sign in as somebody else").click()
    await expect(page.get_by_role("link", name="Sign in with Microsoft")).to_be_visible()


async def test_a_session_that_ends_locks_the_console(page: Page, host: Host) -> None:
    await sign_in(page, host, "Listener")
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.context.clear_cookies()
    await expect(page.locator("#sign-in-text")).to_have_text("Your session has ended.")
    await expect(page.get_by_role("navigation")).to_be_hidden()
