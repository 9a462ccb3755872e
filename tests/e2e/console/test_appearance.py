"""The console in a browser: keyboard, accessibility, window sizes, and the screenshots."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import expect

from calls.records.model import CallRecord
from local.client import AppClient
from tests.e2e.console.browser import MARKS, PHONE, READY_MS, Console
from tests.e2e.console.conftest import FROM

pytestmark = MARKS

Scheme = Literal["light", "dark"]


async def test_it_works_with_the_keyboard_alone(console: Console, ended: str) -> None:
    await console.open_call(ended)
    page = console.page
    await page.reload()
    await expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    position = page.get_by_label("Playback position")
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await position.evaluate("seek => seek === document.activeElement"):
            break
    await expect(position).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await console.expect_position(5.0, 0.1)
    await expect(position).to_have_attribute("aria-valuetext", re.compile(r"^0:05 of 0:\d\d$"))
    await page.locator(".utterance").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".utterance").nth(1)).to_have_attribute("aria-current", "true")
    await page.get_by_text("View as table").press("Enter")
    table = page.get_by_role("region", name="Timeline table")
    await expect(table.get_by_role("cell", name="Speech").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_serious_violation(console: Console, ended: str, scheme: Scheme) -> None:
    page = console.page
    await page.emulate_media(color_scheme=scheme)
    await console.open("wrong")
    await expect(page.get_by_role("alert")).to_contain_text("not valid")
    assert await console.accessibility_violations() == []
    await console.open_call(ended)
    await page.locator(".utterance").nth(2).click()
    await page.get_by_text("View as table").click()
    assert await console.accessibility_violations() == []
    await page.get_by_role("button", name="Zoom in").click()
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert await console.accessibility_violations() == []
    await page.get_by_role("link", name="All calls").click()
    assert await console.accessibility_violations() == []
    await page.get_by_role("button", name="New call").click()
    await page.get_by_role("button", name="Place call").click()
    assert await console.accessibility_violations() == []


@pytest.mark.parametrize("width", [360, 600, 900, 1100])
async def test_it_fits_every_width(console: Console, ended: str, width: int) -> None:
    await console.page.set_viewport_size({"width": width, "height": 800})
    await console.open_call(ended)
    assert await console.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = """() => [...document.querySelectorAll(".call button, .call input, .call h1")]
        .filter((node) => node.getBoundingClientRect().right > innerWidth)
        .map((node) => node.outerHTML)"""
    assert await console.page.evaluate(wide) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_screenshots(
    console: Console,
    app: AppClient,
    ended: str,
    made: list[CallRecord],
    scheme: Scheme,
    tmp_path: Path,
) -> None:
    """Take the screenshots; ``make screenshots`` writes them to docs/screenshots."""
    folder = Path(os.environ.get("SCREENSHOTS_DIR") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page = console.page
    request: Any = {"to": "+15551230199", "from": FROM, "channels": "unmixed"}
    live = (await app.place_call(**request))["call_connection_id"]
    await app.until(live, lambda r: len(r["landed_segments"]) >= 6, "segments of a live call")
    await page.emulate_media(color_scheme=scheme)
    await console.open_call(ended)
    await page.locator(".utterance").nth(2).click()
    for name, (width, height) in {"desktop": (1360, 1180), "phone": PHONE}.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.mouse.move(0, 0)
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=folder / f"call-{name}-{scheme}.png")
    await page.set_viewport_size({"width": 1360, "height": 860})
    await (
        page.get_by_role("navigation", name="Calls").get_by_role("link", name="Live").first.click()
    )
    await page.mouse.move(0, 0)
    await expect(page.locator("[data-legend]")).to_contain_text("Sound")
    await page.wait_for_timeout(1500)
    await page.screenshot(path=folder / f"live-desktop-{scheme}.png")
    await app.hang_up(live)
    await page.goto(f"{console.up.addresses.console}#/quality")
    await expect(page.get_by_role("img", name="Silence")).to_be_visible()
    await expect(page.get_by_text("Loading")).to_be_hidden()
    await page.screenshot(path=folder / f"quality-desktop-{scheme}.png")
    # Any long word that the speech model has heard is found.
    text = " ".join(u["text"] for u in (await app.transcript(ended))["utterances"])
    word = max(re.findall(r"[a-z]+", text), key=len)
    await page.goto(f"{console.up.addresses.console}#/?q={word}")
    await expect(page.locator(".match mark").first).to_be_visible(timeout=READY_MS)
    await page.locator(".match").first.click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=READY_MS)
    await page.get_by_role("button", name="Pause").click()
    await page.mouse.move(0, 0)
    await page.screenshot(path=folder / f"search-desktop-{scheme}.png")
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    await page.goto(f"{console.up.addresses.console}#/?state=disconnected&tag=vip")
    await expect(page.locator("#calls-count")).to_have_text("50+ calls")
    await expect(page.locator(".call-row").first).to_be_visible()
    await page.screenshot(path=folder / f"list-phone-{scheme}.png")
    assert all(file.stat().st_size > 20_000 for file in folder.glob(f"*-{scheme}.png"))
