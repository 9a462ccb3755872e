"""The console in a browser with a thousand calls: filters, keyboard, pages and bulk actions."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, Request, Response, Route, expect

from calls.records.model import CallRecord
from local.client import AppClient
from tests.e2e.console.browser import MARKS, READY_MS, Console
from tests.e2e.console.made_calls import COUNT, NAMES

pytestmark = MARKS

PAGE_CALLS = 50
SET_HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def filters_of(page: Page) -> dict[str, list[str]]:
    """The filters that the URL's fragment has."""
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


async def open_filtered(console: Console, fragment: str) -> Page:
    await console.page.goto(f"{console.up.addresses.console}{fragment}")
    await console.page.get_by_label("Function key").fill(console.up.addresses.function_key)
    await console.page.get_by_role("button", name="Sign in").click()
    await expect(console.page.locator("#calls > li").first).to_be_visible()
    return console.page


def count_text(count: int) -> str:
    return f"{min(count, PAGE_CALLS)}{'+' if count > PAGE_CALLS else ''} calls"


async def test_filters_are_chips_and_live_in_the_url(
    console: Console, made: list[CallRecord]
) -> None:
    page = await open_filtered(console, "")
    count = page.locator("#calls-count")
    await page.get_by_role("button", name=re.compile("^Filter")).click()
    form = page.get_by_role("form", name="Filters")
    await expect(form.get_by_label("State")).to_be_focused()
    await form.get_by_label("State").select_option("Failed")
    failed = [record for record in made if record.state == "failed"]
    await expect(count).to_have_text(count_text(len(failed)))
    await form.get_by_label("Tags").fill("claim")
    await form.get_by_label("Tags").press("Enter")
    both = [record for record in failed if "claim" in record.tags]
    assert both
    await expect(count).to_have_text(count_text(len(both)))
    await expect(form).to_be_hidden()
    chips = page.get_by_role("list", name="Active filters")
    await expect(chips.get_by_role("button")).to_have_text(
        ["Failed\u00d7", "#claim\u00d7", "Clear all"]
    )
    assert filters_of(page) == {"state": ["failed"], "tag": ["claim"]}
    # The URL is the view: for another tab, after loading again, and for the back button.
    await page.reload()
    await expect(count).to_have_text(count_text(len(both)))
    await page.go_back()
    await expect(count).to_have_text(count_text(len(failed)))
    await chips.get_by_role("button", name="Remove filter: Failed").click()
    await expect(chips).to_be_hidden()
    await expect(page.get_by_label("Search calls")).to_be_focused()
    # A call that is opened keeps the list beside it.
    await page.goto(f"{console.up.addresses.console}#/calls/{both[0].call_connection_id}?tag=claim")
    await expect(page.locator(".call-row[aria-current=page]")).to_be_visible()
    await expect(chips.get_by_role("button")).to_have_text(["#claim\u00d7"])


@pytest.mark.parametrize(
    ("fragment", "matches"),
    [
        (
            "#/?direction=incoming&min_duration=1200",
            lambda r: r.direction == "incoming" and _lasts(r, 1200),
        ),
        ("#/?result_state=partial", lambda r: r.result_state == "partial"),
        ("#/?tag=vip&tag=claim", lambda r: {"vip", "claim"} <= set(r.tags)),
        (f"#/?participant={NAMES[1].upper()}", lambda r: NAMES[1] in r.names.values()),
    ],
)
async def test_a_link_opens_the_calls_that_its_filters_select(
    console: Console, made: list[CallRecord], fragment: str, matches: Callable[[CallRecord], bool]
) -> None:
    page = await open_filtered(console, fragment)
    selected = [record.call_connection_id for record in made if matches(record)]
    await expect(page.locator("#calls-count")).to_have_text(count_text(len(selected)))
    shown = await page.locator(".call-row").evaluate_all(
        "rows => rows.map((row) => row.dataset.call)"
    )
    assert shown == selected[:PAGE_CALLS]


def _lasts(record: CallRecord, seconds: int) -> bool:
    assert record.ended_at is not None
    return (
        record.connected_at is not None
        and (record.ended_at - record.connected_at).total_seconds() >= seconds
    )


async def test_names_numbers_and_days_are_found(console: Console, made: list[CallRecord]) -> None:
    page = await open_filtered(console, "#/?tag=vip")
    search = page.get_by_label("Search calls")
    other = next(r.to for r in made if r.direction == "outgoing" and "vip" in r.tags)
    assert other is not None
    # A known number needs neither its country code nor its spelling.
    await search.fill(f"({other[2:5]}) {other[5:8]}-{other[8:]}")
    await search.press("Enter")
    await expect(
        page.get_by_role("button", name=re.compile("^Remove filter: \\+1"))
    ).to_be_visible()
    assert filters_of(page)["participant"] == [other]
    await search.fill("nobody has this name")
    await page.get_by_role("button", name="Search for the participant").click()
    await expect(page.locator("#calls-empty")).to_have_text("No calls match")
    await page.get_by_role("button", name="Clear filters").click()
    await expect(page.locator("#calls-count")).to_have_text("50+ calls")
    day = made[500].created_at.astimezone().date().isoformat()
    await page.get_by_role("button", name=re.compile("^Filter")).click()
    form = page.get_by_role("form", name="Filters")
    for name in ("From", "Until"):
        await form.get_by_label(name, exact=True).fill(day)
    of_day = [r for r in made if r.created_at.astimezone().date().isoformat() == day]
    # The browser's time zone is this machine's.
    await expect(page.locator("#calls-count")).to_have_text(count_text(len(of_day)))
    await expect(page.locator(".day")).to_have_count(1)


async def test_a_thousand_calls_load_page_by_page_and_stay_quick(
    console: Console, app: AppClient, made: list[CallRecord]
) -> None:
    """Nothing here is timed: pages are loaded once, rows out of sight are not laid out."""
    requests: list[Request] = []
    console.page.on("request", lambda r: requests.append(r) if "/api/v1/calls?" in r.url else None)
    page = await open_filtered(console, "#/?until=" + made[0].created_at.date().isoformat())
    pages = {request.url for request in requests}
    assert len(pages) == 1, "the list begins with one page"
    scroller, rows = page.locator(".list-scroll"), page.locator(".call-row")
    seen = 0
    while seen < COUNT:
        await expect(rows.nth(seen)).to_be_attached()
        seen = await rows.count()
        if await page.locator("#calls-older").is_hidden():
            break
        await scroller.evaluate("node => node.scrollTo(0, node.scrollHeight)")
        await expect(rows).not_to_have_count(seen)
    cursors = [c for r in requests for c in parse_qs(urlsplit(r.url).query).get("cursor", [])]
    assert len(cursors) == len(set(cursors)), "each page is loaded once"
    assert seen > COUNT * 0.9
    count_skipped = """items => items.filter(
        (item) => !item.firstElementChild.checkVisibility({ contentVisibilityAuto: true })
    ).length"""
    skipped = await page.locator("#calls > li:not(.day)").evaluate_all(count_skipped)
    assert skipped > COUNT / 2, "what is out of sight is not laid out"

    # A refresh moves neither the focus nor the list, and asks for one page that has not changed.
    await rows.nth(600).focus()
    before = await scroller.evaluate("node => node.scrollTop")
    assert before > 0
    await page.evaluate(SET_HIDDEN, True)
    first = made[0]
    tags = [*first.tags, "refreshed"]
    path = f"/api/v1/calls/{first.call_connection_id}"
    status, _, _ = await app.request("PATCH", path, {"tags": tags})
    assert status == 200
    await page.evaluate(SET_HIDDEN, False)
    await expect(rows.first.locator(".tag")).to_have_text(tags)
    await expect(rows.nth(600)).to_be_focused()
    assert await scroller.evaluate("node => node.scrollTop") == before

    # What has not changed is not sent again.
    def is_unchanged(response: Response) -> bool:
        return "/api/v1/calls?" in response.url and response.status == 304

    async with page.expect_response(is_unchanged, timeout=60_000):
        pass


async def test_the_first_page_needs_few_requests(console: Console, made: list[CallRecord]) -> None:
    page = await open_filtered(console, "")
    await console.stop_timers()
    await page.reload()
    await expect(page.locator(".call-row")).to_have_count(PAGE_CALLS)
    entries = await page.evaluate(
        """() => {
            const files = performance.getEntriesByType("resource");
            return {
                paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
                requests: files.length,
                bytes: files.reduce((sum, file) => sum + file.decodedBodySize, 0),
                lists: files.filter((file) => file.name.includes("calls?")).length,
            };
        }"""
    )
    print(f"first paint of the list with {COUNT} calls: {entries}")
    assert entries["requests"] <= 75
    assert entries["bytes"] < 1_000_000
    assert entries["lists"] == 1, "one page"


async def test_the_list_works_with_the_keyboard(console: Console, made: list[CallRecord]) -> None:
    page = await open_filtered(console, "#/?tag=claim")
    rows = page.locator(".call-row")
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search calls")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(rows.nth(0)).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("k")
    await expect(rows.nth(1)).to_be_focused()
    await page.keyboard.press("x")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await page.keyboard.press("Shift+X")
    await expect(page.get_by_role("group", name="Selected calls")).to_contain_text("3 selected")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("group", name="Selected calls")).to_be_hidden()
    call = await rows.nth(3).get_attribute("data-call")
    await page.keyboard.press("Enter")
    await expect(page.locator(".call h1")).to_be_focused()
    assert f"#/calls/{call}?" in page.url
    await page.keyboard.press("j")
    await expect(rows.nth(4)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(rows.nth(3)).to_be_focused()
    assert urlsplit(page.url).fragment == "/?tag=claim"
    await page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await help_dialog.get_by_label("Shortcuts of a single letter").uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await expect(rows.nth(3)).to_be_focused()


async def test_calls_are_selected_and_deleted(
    console: Console, app: AppClient, made: list[CallRecord]
) -> None:
    page = await open_filtered(console, "#/?tag=spare&state=disconnected")
    boxes = page.locator(".row-box input")
    await boxes.nth(2).click()
    await boxes.nth(5).click(modifiers=["Shift"])
    bar = page.get_by_role("group", name="Selected calls")
    await expect(bar).to_contain_text("4 selected")
    await page.get_by_label("Select all calls shown").check()
    await expect(bar).to_contain_text(f"{PAGE_CALLS} selected")
    await bar.get_by_role("button", name="Clear selection").click()
    await boxes.nth(2).click()
    await boxes.nth(4).click(modifiers=["Shift"])
    calls = await page.locator(".selected .call-row").evaluate_all(
        "rows => rows.map((row) => row.dataset.call)"
    )
    assert len(calls) == 3
    status, _, _ = await app.request("PUT", f"/api/v1/calls/{calls[1]}/hold", {"reason": "Claim"})
    assert status == 200
    await bar.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Cancel").click()
    await bar.get_by_role("button", name="Delete").click()
    await dialog.get_by_role("button", name="Delete 3 calls").click()
    await expect(dialog.get_by_role("heading")).to_have_text("2 of 3 calls deleted", timeout=90_000)
    await expect(dialog.get_by_role("listitem")).to_contain_text("legal hold")
    await dialog.get_by_role("button", name="Close").click()
    for call, expected in zip(calls, (0, 1, 0), strict=True):
        await expect(page.locator(f".call-row[data-call={call}]")).to_have_count(expected)
    assert (await app.request("GET", f"/api/v1/calls/{calls[0]}"))[0] == 410


async def test_selected_calls_are_exported_as_csv(console: Console, made: list[CallRecord]) -> None:
    page = await open_filtered(console, "#/?tag=vip&sort=-duration")
    boxes = page.locator(".row-box input")
    for number in (0, 7, 49):
        await boxes.nth(number).click()
    calls = await page.locator(".selected .call-row").evaluate_all(
        "rows => rows.map((row) => row.dataset.call)"
    )
    async with page.expect_download() as download:
        await page.get_by_role("button", name="CSV").click()
    text = Path(await (await download.value).path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["call_connection_id"] for row in rows] == calls
    assert all("vip" in row["tags"] for row in rows)


async def test_words_are_found_in_transcripts_and_played(
    console: Console, app: AppClient, ended: str
) -> None:
    page = console.page
    transcript = await app.transcript(ended)
    # The words are what the speech model has heard: any long one of an early utterance will do.
    utterance = next(u for u in transcript["utterances"] if re.search(r"\b[a-z]{6,}\b", u["text"]))
    word = re.findall(r"\b[a-z]{6,}\b", utterance["text"])[0]
    await console.open()
    search = page.get_by_label("Search calls")
    await search.fill(word)
    await search.press("Enter")
    item = page.locator("#calls > li").filter(has=page.locator(f"[data-call='{ended}']"))
    match = item.locator(".match").first
    await expect(match.locator("mark").first).to_have_text(
        re.compile(f"^{word}$", re.IGNORECASE), timeout=READY_MS
    )
    assert filters_of(page) == {"q": [word]}
    await match.click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible(timeout=READY_MS)
    start = float(parse_qs(urlsplit(page.url).fragment.partition("?")[2])["t"][0])
    assert any(u["start_ms"] == round(start * 1000) for u in transcript["utterances"])
    position = float(await page.locator("audio").evaluate("audio => audio.currentTime"))
    assert position >= start - 0.1
    assert await console.accessibility_violations() == []


async def test_a_match_that_is_left_while_it_loads_is_not_played(
    console: Console, app: AppClient, ended: str
) -> None:
    page = console.page
    is_requested, may_load = asyncio.Event(), asyncio.Event()

    async def send_later(route: Route) -> None:
        is_requested.set()
        await may_load.wait()
        await route.continue_()

    text = " ".join(each["text"] for each in (await app.transcript(ended))["utterances"])
    word = max(re.findall(r"[a-z]+", text), key=len)
    await page.route(f"{console.storage}/**", send_later)
    await console.open()
    await page.goto(f"{console.up.addresses.console}#/?q={word}")
    item = page.locator("#calls > li").filter(has=page.locator(f"[data-call='{ended}']"))
    await item.locator(".match").first.click(timeout=READY_MS)
    await asyncio.wait_for(is_requested.wait(), 60)
    audio = await page.locator("audio").element_handle()
    assert audio is not None
    await page.keyboard.press("Escape")
    await expect(page.locator("audio")).to_have_count(0)
    may_load.set()
    # The fixture ``console`` finds the errors of scripts.
    for _ in range(600):
        if await audio.evaluate("audio => audio.readyState > 0"):
            break
        await asyncio.sleep(0.1)
    assert await audio.evaluate("audio => [audio.readyState > 0, audio.paused]") == [True, True]


async def test_a_listener_is_offered_no_deletion(console: Console, made: list[CallRecord]) -> None:
    page = console.page
    await console.open(console.up.addresses.listener_key)
    await page.locator(".row-box input").first.click()
    bar = page.get_by_role("group", name="Selected calls")
    await expect(bar.get_by_role("button", name="Zip files")).to_be_visible()
    await expect(bar.get_by_role("button", name="Delete")).to_be_hidden()


async def test_a_caller_searches_names_only(console: Console, made: list[CallRecord]) -> None:
    page = console.page
    await console.open(console.up.addresses.caller_key)
    await expect(page.locator(".call-row").first).to_be_visible()
    search = page.get_by_label("Search calls")
    await expect(search).to_have_attribute("placeholder", "Names, numbers")
    await search.fill(NAMES[0])
    await search.press("Enter")
    await expect(page.get_by_role("button", name=f"Remove filter: {NAMES[0]}")).to_be_visible()
    await page.locator(".row-box input").first.click()
    bar = page.get_by_role("group", name="Selected calls")
    await expect(bar.get_by_role("button", name="Zip files")).to_be_hidden()
