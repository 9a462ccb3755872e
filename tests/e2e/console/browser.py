"""The console in a real, headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Playwright, Route, expect

from local.up import Up

ROOT = Path(__file__).parents[3]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
DESKTOP, PHONE = (1360, 900), (390, 844)
READY_MS = 90_000
"""How long a recording and its transcript may take."""
WAIT_MS = 60_000
"""How long anything else may take: the browser shares the machine with the whole system."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser's path; None if none is installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


MARKS = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium() is None, reason="no Chromium on PATH (apt-get install chromium)"),
]
"""The marks of every module of browser tests."""


async def launch(playwright: Playwright, path: str) -> Browser:
    """Start the browser that is installed; nothing is downloaded."""
    # Chromium's sandbox does not run as root, which CI's containers do.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await playwright.chromium.launch(executable_path=path, args=arguments)


class Console:
    """The console in a fresh browser context, with the errors it logs and the hosts it calls."""

    def __init__(self, context: BrowserContext, page: Page, up: Up) -> None:
        self.context = context
        self.page = page
        self.up = up
        endpoint = re.search("BlobEndpoint=([^;]+)", up.addresses.storage_connection_string)
        assert endpoint is not None
        self.storage = _origin(endpoint[1])
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        page.on("console", lambda message: self._record_error(message.type, message.text))
        page.on("request", lambda request: self.hosts.add(_origin(request.url)))

    def _record_error(self, kind: str, text: str) -> None:
        # Chromium itself logs responses such as 401 and 404, which the tests provoke.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.errors.append(f"{kind}: {text}")

    async def open(self, key: str | None = None) -> None:
        """Open the console and sign in."""
        await self.page.goto(self.up.addresses.console)
        await self.page.get_by_label("Function key").fill(key or self.up.addresses.function_key)
        await self.page.get_by_role("button", name="Sign in").click()

    async def open_call(self, call: str) -> None:
        """Sign in, open a call, and wait for its recording and transcript."""
        await self.open()
        await expect(self.page.get_by_role("heading", name="Calls")).to_be_visible()
        await self.page.goto(f"{self.up.addresses.console}#/calls/{call}")
        await expect(self.page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
        await expect(self.page.locator(".utterance").first).to_be_visible(timeout=READY_MS)

    async def send_recording(self, create_file: Callable[[], bytes]) -> None:
        """Answer in place of Blob Storage when the console plays a call's recording."""
        url = f"{self.storage}/recordings/replaced"

        async def send_link(route: Route) -> None:
            link = {"blob": "recordings/replaced", "url": url}
            await route.fulfill(json={"expires_at": "2026-11-26T10:00:00Z", "links": [link]})

        async def send_file(route: Route) -> None:
            headers = {"Content-Type": "audio/wav", "Access-Control-Allow-Origin": "*"}
            await route.fulfill(status=200, body=create_file(), headers=headers)

        await self.page.route("**/links", send_link)
        await self.page.route(url, send_file)

    async def place_call(self, to: str, caller: str, *, mixed: bool = False) -> str:
        """Place a call with the dialog; returns its ID once it streams."""
        page = self.page
        await page.get_by_role("button", name="New call").click()
        await page.get_by_label("To", exact=True).fill(to)
        await page.get_by_label("Caller ID").fill(caller)
        if mixed:
            await page.get_by_role("radio", name="One track for the whole call").check()
        await page.get_by_role("button", name="Place call").click()
        await page.get_by_role("button", name="Stop streaming").wait_for()
        return page.url.rpartition("/")[2]

    async def hang_up(self) -> None:
        """Hang up and confirm."""
        await self.page.get_by_role("button", name="Hang up").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Hang up").click()

    async def stop_timers(self) -> None:
        """Let no timer of half a second or more fire in what is loaded from now on: no polling."""
        await self.page.add_init_script(
            """const setTimer = setTimeout;
            window.setTimeout = (run, ms, ...rest) => setTimer(run, ms >= 500 ? 1e9 : ms, ...rest);
            """
        )

    async def expect_position(self, seconds: float, within: float) -> None:
        """Wait until the playback position is within this distance of a time."""
        audio = self.page.locator("audio")
        position = -1.0
        for _ in range(600):
            position = float(await audio.evaluate("audio => audio.currentTime"))
            if abs(position - seconds) <= within:
                return
            await self.page.wait_for_timeout(100)
        raise AssertionError(f"at {position} s, not {seconds} s")

    async def accessibility_violations(self) -> list[str]:
        """The serious and critical violations that axe-core finds, with their elements."""
        # What is still loading is pale.
        await expect(self.page.locator("[aria-busy=true]:visible")).to_have_count(0)
        await self.page.evaluate(AXE.read_text())
        report: dict[str, Any] = await self.page.evaluate("axe.run()")
        assert report["passes"], "axe checked nothing"
        return [
            f"{violation['id']}: {[node['target'] for node in violation['nodes']]}"
            for violation in report["violations"]
            if violation["impact"] in ("serious", "critical")
        ]


def _origin(url: str) -> str:
    return "blob" if url.startswith("blob:") else "/".join(url.split("/")[:3])
