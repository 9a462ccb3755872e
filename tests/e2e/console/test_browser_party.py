"""The page of docs/browser.md, in Chromium, with a stand-in for Microsoft's Calling SDK.

The SDK is not installed: it has 16 MB and a licence of its own. The stand-in has what the page uses
of it, under the names of ``communication-calling.d.ts`` 2.0.0 and ``communication-common`` 2.5.0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from local.up import ROOT
from tests.e2e.console.browser import MARKS, WAIT_MS

pytestmark = MARKS

FOLDER = ROOT / "docs" / "browser"
DOC = (ROOT / "docs" / "browser.md").read_text()
ADDRESS = "http://localhost:8000/"
PACKAGES = {"@azure/communication-calling", "@azure/communication-common"}

STAND_IN = """
const listeners = {};
const on = (owner) => (name, listener) => { listeners[`${owner}.${name}`] = listener; };
window.sdk = { listeners, used: [], audio: true, state: "Connected" };
export class AzureCommunicationTokenCredential {
  constructor(token) {
    if (token === "wrong") throw new Error("Invalid AccessToken");
    window.sdk.used.push(`credential ${token}`);
  }
}
export class CallClient {
  async getDeviceManager() {
    return { askDevicePermission: async ({ audio, video }) => {
      window.sdk.used.push(`permission ${audio} ${video}`);
      return { audio: window.sdk.audio, video: false };
    } };
  }
  async createCallAgent(credential, { displayName }) {
    window.sdk.used.push(`agent ${displayName}`);
    return { on: on("agent") };
  }
}
const call = {
  get state() { return window.sdk.state; },
  on: on("call"),
  hangUp: async () => {
    window.sdk.state = "Disconnected";
    listeners["call.stateChanged"]();
  },
};
window.sdk.ring = () => listeners["agent.incomingCall"]({ incomingCall: {
  on: on("incoming"),
  accept: async () => { window.sdk.used.push("accept"); return call; },
} });
"""


@pytest_asyncio.fixture(loop_scope="session")
async def party(browser: Browser) -> AsyncIterator[Page]:
    """The page, with the stand-in in the place of what is bundled."""
    page = await browser.new_page()
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    async def serve(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS) or "index.html"
        if name == "bundle.js":
            script = (FOLDER / "party.js").read_text()
            for package in PACKAGES:
                script = script.replace(f'"{package}"', '"./stand-in.js"')
            await route.fulfill(body=script, content_type="text/javascript")
        elif name == "stand-in.js":
            await route.fulfill(body=STAND_IN, content_type="text/javascript")
        else:
            await route.fulfill(body=(FOLDER / name).read_text(), content_type="text/html")

    await page.route("**/*", serve)
    await page.goto(ADDRESS)
    yield page
    await page.close()
    assert errors == []


async def connect(party: Page, token: str = "a-token") -> None:
    await party.get_by_label("Access token").fill(token)
    await party.get_by_role("button", name="Wait for calls").click()


async def test_it_waits_answers_and_hangs_up(party: Page) -> None:
    state = party.get_by_role("status")
    await connect(party)
    await expect(state).to_have_text("Waiting for a call")
    await expect(party.get_by_label("Access token")).to_be_hidden()
    assert await party.locator("#token").input_value() == "", "the token is not kept in the page"
    await party.evaluate("sdk.ring()")
    await expect(state).to_have_text("A call comes in")
    await party.get_by_role("button", name="Answer").click()
    await expect(state).to_have_text("Connected")
    await party.get_by_role("button", name="Hang up").click()
    await expect(state).to_have_text("Disconnected")
    await expect(party.get_by_role("button", name="Hang up")).to_be_hidden()
    assert await party.evaluate("sdk.used") == [
        "permission true false",
        "credential a-token",
        "agent Browser",
        "accept",
    ]
    assert await party.evaluate("Object.keys(sessionStorage).length + localStorage.length") == 0


async def test_a_call_that_is_over_cannot_be_answered(party: Page) -> None:
    await connect(party)
    await expect(party.get_by_role("status")).to_have_text("Waiting for a call")
    await party.evaluate("sdk.ring()")
    await expect(party.get_by_role("button", name="Answer")).to_be_visible()
    await party.evaluate("sdk.listeners['incoming.callEnded']()")
    await expect(party.get_by_role("button", name="Answer")).to_be_hidden()


async def test_it_says_why_it_is_not_connected(party: Page) -> None:
    state = party.get_by_role("status")
    await connect(party, "wrong")
    await expect(state).to_have_text("Not connected: Invalid AccessToken")
    await party.evaluate("sdk.audio = false")
    await connect(party)
    await expect(state).to_have_text("Not connected: the browser may not use the microphone")


async def test_the_document_installs_what_the_page_imports() -> None:
    imported = set(re.findall(r'from "([^"]+)"', (FOLDER / "party.js").read_text()))
    assert imported == PACKAGES
    for package in imported:
        assert re.search(rf"npm install .*{package}@\d", DOC), package
    for snippet in re.findall(r"```python\n(.*?)```", DOC, re.DOTALL):
        ast.parse(snippet)
