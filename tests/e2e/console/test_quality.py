"""The console's view of the quality of calls, in a browser."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from calls.records.model import CallRecord
from tests.e2e.console.browser import MARKS, Console

pytestmark = MARKS

NARROW = (375, 800)


async def test_the_plots_and_tables_show_what_the_calls_were(
    console: Console, made: list[CallRecord]
) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("link", name="Quality").click()
    await expect(page.get_by_role("heading", name="Quality", exact=True)).to_be_focused()
    await page.goto(f"{console.up.addresses.console}#/quality?tag=claim")
    claims = [record for record in made if "claim" in record.tags]
    recorded = [record.summary for record in claims if record.summary]
    lossy = sum(summary.lost_ms > 0 for summary in recorded)
    figures = page.locator("[data-metrics] > div")
    await expect(figures.filter(has_text="Calls").first).to_contain_text(str(len(claims)))
    await expect(figures.filter(has_text="With losses")).to_contain_text(
        f"{lossy} of {len(recorded)}"
    )
    await expect(figures.filter(has_text="Your talk share")).to_contain_text("60%")
    await expect(figures.filter(has_text="Silence")).to_contain_text("30%")
    for name in ("Lost audio", "Talk share", "Silence"):
        await expect(page.get_by_role("img", name=f"{name} by day")).to_be_visible()
    await page.get_by_text("View as table").first.click()
    table = page.get_by_role("region", name="Lost audio table")
    days = {record.created_at.astimezone().date() for record in claims}
    await expect(table.get_by_role("link")).to_have_count(len(days))
    await page.get_by_label("Sum up").select_option("By week")
    await expect(page.get_by_role("img", name="Silence by week")).to_be_visible()
    await expect(table.get_by_role("link").first).to_have_text(re.compile("^Week of "))
    worst = page.locator("[data-worst] li")
    await expect(worst.first).to_be_visible()
    await page.get_by_label("Sum up").select_option("By day")
    # A day of the table leads to its calls.
    await table.get_by_role("link").first.click()
    of_day = [r for r in claims if r.created_at.astimezone().date() == max(days)]
    noun = "call" if len(of_day) == 1 else "calls"
    await expect(page.locator("#calls-count")).to_have_text(f"{len(of_day)} {noun}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_in_the_new_views(
    console: Console, made: list[CallRecord], scheme: str
) -> None:
    page = console.page
    await page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    await console.open()
    await page.goto(f"{console.up.addresses.console}#/quality?tag=vip&tag=claim&direction=incoming")
    await expect(page.get_by_role("img", name="Lost audio")).to_be_visible()
    await page.get_by_text("View as table").first.click()
    await page.get_by_role("button", name=re.compile("^Filter")).click()
    await page.locator(".row-box input").first.check()
    assert await console.accessibility_violations() == []
    await page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    assert await console.accessibility_violations() == []
    await page.get_by_role("link", name="All calls").click()
    await expect(page.get_by_role("form", name="Filters")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    assert await console.accessibility_violations() == []
    await page.get_by_role("button", name="Delete").click()
    assert await console.accessibility_violations() == []
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="New call").click()
    await page.get_by_text("More options").click()
    assert await console.accessibility_violations() == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    assert await console.accessibility_violations() == []
