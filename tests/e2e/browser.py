"""A real, headless Chromium, and the page in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, Playwright

from local.up import Up

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules/axe-core/axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser on PATH; None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


async def launch(playwright: Playwright, path: str) -> Browser:
    """Start the browser. Nothing is downloaded: it is the machine's own."""
    # Chromium's sandbox does not run as root, as which CI's containers run.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await playwright.chromium.launch(executable_path=path, args=arguments)


class Console:
    """The page in a fresh context, and all that went wrong in it."""

    def __init__(self, context: BrowserContext, page: Page, up: Up) -> None:
        self.context = context
        self.page = page
        self.up = up
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("request", lambda request: self.hosts.add(_origin(request.url)))

    def _hear(self, kind: str, text: str) -> None:
        # Chromium itself logs answers such as 401 and 404, which the page is made to expect.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.faults.append(f"{kind}: {text}")

    async def open(self, key: str | None = None) -> None:
        """Open the page, with a key."""
        await self.page.goto(self.up.addresses.console)
        await self.page.get_by_label("Function key").fill(key or self.up.addresses.function_key)
        await self.page.get_by_role("button", name="Open").click()

    async def place_call(self, to: str, caller: str, *, mixed: bool = False) -> str:
        """Place a call by the dialog; its id, once it streams."""
        page = self.page
        await page.get_by_role("button", name="Place a call").click()
        await page.get_by_label("Call", exact=True).fill(to)
        await page.get_by_label("Caller id").fill(caller)
        if mixed:
            await page.get_by_role("radio", name="Mixed").check()
        await page.get_by_role("button", name="Place the call").click()
        await page.get_by_role("button", name="Stop streaming").wait_for()
        return page.url.rpartition("/")[2]

    async def hang_up(self) -> None:
        """Hang up, and confirm it."""
        await self.page.get_by_role("button", name="Hang up").click()
        await self.page.get_by_role("dialog").get_by_role("button", name="Hang up").click()

    async def accessibility_faults(self) -> list[str]:
        """What axe-core finds that is serious or critical, with where it is."""
        await self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        assert found["passes"], "axe has looked at nothing"
        return [
            f"{fault['id']}: {[node['target'] for node in fault['nodes']]}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]


def _origin(url: str) -> str:
    return "blob" if url.startswith("blob:") else "/".join(url.split("/")[:3])
