"""The page, driven in a real browser over the whole system. Skipped where there is no Chromium."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import aiohttp
import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobServiceClient
from playwright.async_api import Browser, Route, async_playwright, expect

from calls.results.timeline import NOT_ANALYSED
from contract import names, wav
from local.client import AppClient, is_put_together, streaming_is
from local.up import Up
from tests.calls.sample_streams import SampleStream
from tests.e2e.browser import Console, chromium, launch
from tests.e2e.conftest import SPEED
from tests.e2e.ringing import let_ring

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(chromium() is None, reason="no Chromium on PATH (apt-get install chromium)"),
]

TO, FROM = "+15551230000", "+15559990000"
SHOWN_TO, SHOWN_FROM = "+1 555 123 0000", "+1 555 999 0000"
READY_MS = 90_000
# The browser shares its machine with the whole system, transcription included.
expect.set_options(timeout=20_000)
DESKTOP, PHONE = (1360, 900), (390, 844)

Scheme = Literal["light", "dark"]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """The whole system as ``make up`` has it, with transcription."""
    settings = {"SEGMENT_SECONDS": "5"}
    # Pictures are of calls as fast as life.
    speed = 1.0 if "SCREENSHOTS_DIR" in os.environ else SPEED
    async with Up(use_free_ports=True, speed=speed, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    assert path is not None
    async with async_playwright() as playwright:
        launched = await launch(playwright, path)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Browser, up: Up) -> AsyncIterator[Console]:
    """The page before its key is given. Nothing may go wrong in it, nor go to another host."""
    context = await browser.new_context(
        viewport={"width": DESKTOP[0], "height": DESKTOP[1]}, accept_downloads=True
    )
    opened = Console(context, await context.new_page(), up)
    yield opened
    await context.close()
    assert opened.faults == []
    assert opened.hosts <= {up.addresses.app, "blob"}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ended(up: Up) -> str:
    """The id of an unmixed call, streamed to the conversation's end and put together."""
    async with AppClient(up.addresses.app, up.addresses.function_key) as app:
        asked: Any = {"to": TO, "from": FROM, "channels": "unmixed"}
        call = (await app.place_call(**asked))["call_connection_id"]
        await app.until(call, streaming_is("active"), "streaming starts")
        # The whole conversation has been sent when the last segment's speech is over.
        await app.until(call, lambda r: len(r["landed_segments"]) >= 16, "36 s of audio", 60)
        await app.hang_up(call)
        await app.until(call, lambda r: is_put_together(r, 1), "the result", 60)
        return str(call)


async def show(console: Console, call: str) -> None:
    """Open the page at a call, and wait until it can be heard."""
    await console.open()
    await expect(console.page.get_by_role("heading", name="Calls")).to_be_visible()
    await console.page.goto(f"{console.up.addresses.console}#/calls/{call}")
    await expect(console.page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
    await expect(console.page.locator(".utterance").first).to_be_visible(timeout=READY_MS)


async def expect_position(console: Console, seconds: float, within: float) -> None:
    """The recording is, or soon will be, at a moment."""
    audio = console.page.locator("audio")
    for _ in range(100):
        at = float(await audio.evaluate("audio => audio.currentTime"))
        if abs(at - seconds) <= within:
            return
        await console.page.wait_for_timeout(100)
    raise AssertionError(f"at {at} s, not {seconds} s")


async def test_a_phone_that_rings_is_shown_as_who_calls(console: Console) -> None:
    page = console.page
    await console.open()
    async with aiohttp.ClientSession(console.up.addresses.acs_endpoint) as emulator:
        ring = await let_ring(emulator, to=TO, **{"from": FROM})
    row = page.get_by_role("navigation", name="Calls").get_by_role("link").first
    await expect(row).to_have_accessible_name(re.compile(rf"{re.escape(SHOWN_FROM)}.*incoming"))
    await row.click()
    assert ring["call_connection_id"] in page.url
    await expect(page.get_by_role("heading", name=SHOWN_FROM)).to_be_visible()
    await expect(page.locator(".call")).to_contain_text(f"incoming, to {SHOWN_TO}")
    await expect(page.locator(".call .pill")).to_have_text("Live")
    await page.get_by_role("button", name="Stop streaming").click()
    await expect(page.locator(".call .pill")).to_have_text("Not streaming")
    await console.hang_up()
    await expect(page.locator(".call .pill")).to_have_text(re.compile("End(ing|ed)"))


async def test_a_call_placed_watched_live_stopped_played_and_read(console: Console) -> None:
    page = console.page
    await console.open()
    call = await console.place_call(TO, "+1 (555) 999-0000")
    await expect(page.get_by_role("heading", name=SHOWN_TO)).to_be_focused()
    await expect(page.locator(".call .pill")).to_have_text("Live")

    # Live: a lane for each, and a waveform that grows as segments land.
    for who in (SHOWN_TO, SHOWN_FROM):
        lane = page.get_by_role("img", name=re.compile(f"Waveform of {re.escape(who)}.*recording"))
        await expect(lane).to_have_accessible_name(re.compile(r"[1-9]\d* segments? landed"))
    row = page.get_by_role("navigation", name="Calls").get_by_role("link").first
    await expect(row).to_have_accessible_name(re.compile(rf"{re.escape(SHOWN_TO)}.*Live"))
    await expect(page.locator("[data-legend]")).to_contain_text("Sound")

    await page.get_by_role("button", name="Stop streaming").click()
    await expect(page.locator(".call .pill")).to_have_text("Not streaming")
    await page.get_by_role("button", name="Start streaming").click()
    await expect(page.get_by_role("button", name="Stop streaming")).to_be_enabled()

    # Hanging up is asked about first, and can be thought better of.
    await page.get_by_role("button", name="Hang up").click()
    await page.get_by_role("button", name="Keep the call").click()
    await expect(page.get_by_role("button", name="Hang up")).to_be_focused()
    await console.hang_up()
    await expect(page.locator(".call .pill")).to_have_text(re.compile("End(ing|ed)"))
    await expect(page.get_by_role("button", name="Hang up")).to_be_hidden()
    assert call in page.url

    play = page.get_by_role("button", name="Play")
    await expect(play).to_be_visible(timeout=READY_MS)
    await play.click()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await expect(page.get_by_label("Position")).not_to_have_value(re.compile(r"^0(\.[0-3])?$"))
    await page.get_by_role("button", name="Pause").click()
    said = page.locator(".utterance .said").first
    await expect(said).to_have_text(re.compile(r"\w+ \w+"), timeout=READY_MS)


async def test_an_utterance_is_clicked_and_heard_in_step(
    console: Console, app: AppClient, ended: str
) -> None:
    await show(console, ended)
    # Where it lies depends on how soon after the call's begin the stream came: speed 8 shows it.
    said = (await app.transcript(ended))["utterances"]
    (begins,) = [line["start_ms"] / 1000 for line in said if "storm" in line["text"].lower()]
    page = console.page
    utterance = page.locator(".utterance", has_text=re.compile("storm", re.IGNORECASE))
    await expect(utterance).to_have_count(1)
    await utterance.click()
    await expect_position(console, begins, 0.1)
    await expect(utterance).to_have_attribute("aria-current", "true")
    await page.get_by_role("button", name="Play").click()
    await expect(utterance.locator(".word.now")).to_have_count(1)
    await page.get_by_label("Speed").select_option("2")
    # It goes on to the next one by itself.
    await expect(utterance).not_to_have_attribute("aria-current", "true")
    await page.get_by_role("button", name="Pause").click()

    lane = page.get_by_role("img", name=re.compile("Waveform of")).first
    await lane.click()
    length = float(await page.locator("audio").evaluate("audio => audio.duration"))
    await expect_position(console, length / 2, 0.2)
    mute = page.get_by_role("button", name=f"Mute {SHOWN_TO}")
    await mute.click()
    await expect(mute).to_have_attribute("aria-pressed", "true")

    await page.get_by_label("Find in the transcript").fill("contact")
    await expect(page.locator("mark")).to_have_count(await page.locator("li:visible mark").count())
    await expect(page.locator("[data-found]")).to_have_text(re.compile(r"^\d match(es)?$"))


async def test_a_recording_put_together_anew_is_heard_on_at_the_same_moment(
    console: Console, ended: str
) -> None:
    async def mend(route: Route) -> None:
        answer = await route.fetch()
        record = await answer.json()
        record["summary"]["missing_segments"] = 1
        await route.fulfill(json=record)

    await show(console, ended)
    page = console.page
    await page.get_by_role("button", name="Ahead 5 seconds").click()
    await expect_position(console, 5.0, 0.1)
    before = await page.locator("audio").get_attribute("src")
    await page.route(f"**/api/calls/{ended}", mend)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("audio")).not_to_have_attribute("src", str(before))
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    await expect_position(console, 5.0, 0.1)


async def test_what_the_page_hands_over_is_what_the_app_has(
    console: Console, app: AppClient, ended: str
) -> None:
    await show(console, ended)
    page, key = console.page, {"x-functions-key": console.up.addresses.function_key}
    files = {
        "Recording": ("recording", f"call-{ended}.wav"),
        "Transcript, WebVTT": ("transcript.vtt", f"call-{ended}.vtt"),
        "Transcript, text": ("transcript.txt", f"call-{ended}.txt"),
        "Transcript, JSON": ("transcript.json", f"call-{ended}.json"),
        "Timeline, JSON": ("timeline", f"call-{ended}.timeline.json"),
    }
    async with aiohttp.ClientSession(console.up.addresses.app, headers=key) as session:
        for name, (path, file) in files.items():
            async with page.expect_download() as waited:
                await page.get_by_role("button", name=name).click()
            download = await waited.value
            assert download.suggested_filename == file
            async with session.get(f"/api/calls/{ended}/{path}") as answer:
                assert Path(await download.path()).read_bytes() == await answer.read()


async def test_a_wrong_key_is_refused_and_a_changed_one_locks_the_page(console: Console) -> None:
    page = console.page
    await console.open("wrong")
    field = page.get_by_label("Function key")
    await expect(page.get_by_role("alert")).to_contain_text("The app refused this key")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    assert await page.evaluate("sessionStorage.length") == 0
    await console.open()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    # What the app would answer after the key was renewed.
    await page.evaluate("sessionStorage.setItem('call-audio.function-key', 'renewed')")
    await expect(page.get_by_role("alert")).to_contain_text("no longer takes this key")
    await expect(page.get_by_role("navigation")).to_be_hidden()
    assert await page.locator("#calls li").count() == 0, "nothing stays behind"


async def test_a_call_that_is_not_there_is_said(console: Console) -> None:
    await console.page.goto(f"{console.up.addresses.console}#/calls/no-such-call")
    await console.page.get_by_label("Function key").fill(console.up.addresses.function_key)
    await console.page.get_by_role("button", name="Open").click()
    await expect(console.page.get_by_role("heading", name="No such call")).to_be_focused()
    await expect(console.page.get_by_role("alert")).to_contain_text("knows no call of this id")
    await expect(console.page.get_by_role("heading", name="Timeline")).to_be_hidden()


async def test_faults_of_a_form_are_named_where_they_are(console: Console) -> None:
    page = console.page
    await console.open()
    await page.get_by_role("button", name="Place a call").click()
    await page.get_by_role("button", name="Place the call").click()
    to = page.get_by_label("Call", exact=True)
    await expect(to).to_be_focused()
    await to.fill("12")
    await page.get_by_role("button", name="Place the call").click()
    await expect(page.locator("#place-to-error")).to_contain_text("E.164")
    await expect(to).to_have_attribute("aria-invalid", "true")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Place a call")).to_be_focused()


async def test_by_the_keyboard_alone(console: Console, ended: str) -> None:
    await show(console, ended)
    page = console.page
    await page.reload()
    await expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    position = page.get_by_label("Position")
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await position.evaluate("seek => seek === document.activeElement"):
            break
    await expect(position).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect_position(console, 5.0, 0.1)
    await expect(position).to_have_attribute("aria-valuetext", re.compile(r"^0:05 of 0:\d\d$"))
    await page.locator(".utterance").nth(1).focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".utterance").nth(1)).to_have_attribute("aria-current", "true")
    await page.get_by_text("Timeline as a table").press("Enter")
    table = page.get_by_role("region", name="Timeline as a table")
    await expect(table.get_by_role("cell", name="Speech").first).to_be_visible()


async def test_audio_lost_on_the_way_is_shown(
    console: Console, app: AppClient, faults: aiohttp.ClientSession
) -> None:
    await faults.post("/emulator/faults", json={"drop": 0.2})
    await console.open()
    call = await console.place_call(TO, FROM, mixed=True)
    await app.until(call, lambda r: len(r["landed_segments"]) >= 2, "two segments")
    await console.hang_up()
    await expect(console.page.get_by_role("button", name="Play")).to_be_visible(timeout=READY_MS)
    await expect(console.page.locator("[data-faults]")).to_contain_text(
        re.compile(r"lost in \d+ gaps")
    )
    await expect(console.page.locator("[data-legend]")).to_contain_text("Audio lost on the way")
    await expect(console.page.get_by_role("button", name=re.compile("^Mute"))).to_be_hidden()


async def test_gaps_and_missing_segments_are_named(console: Console, ended: str) -> None:
    """A call that has some, made from one that has none."""

    async def spoil(route: Route) -> None:
        answer = await route.fetch()
        timeline = await answer.json()
        track = timeline["tracks"][0]
        track["gaps"] = [{"start_ms": 5000, "end_ms": 7500}]
        timeline["missing_segments"] = [
            {
                "track": track["track"],
                "participant": track["participant"],
                "start": timeline["started_at"],
                "start_ms": 10_000,
                "end_ms": 15_000,
                "blob": "segments/...",
                "reason": reason,
            }
            for reason in ("not in the storage", NOT_ANALYSED)
        ]
        await route.fulfill(json=timeline)

    await console.page.route("**/timeline", spoil)
    await show(console, ended)
    faults = console.page.locator("[data-faults]")
    await expect(faults).to_contain_text("0:05 to 0:07: not streamed")
    await expect(faults).to_contain_text("0:10 to 0:15: missing")
    await expect(faults).to_contain_text("0:10 to 0:15: not analysed")
    await expect(console.page.locator("[data-alerts]")).to_contain_text("1 segment missing")
    await expect(
        console.page.get_by_role(
            "img", name=re.compile("1 gap without streaming.*2 segments missing")
        )
    ).to_have_count(1)


async def test_a_failed_segment_is_run_again(console: Console, ended: str) -> None:
    """The app's own failures are tested elsewhere: here is one, and what the page asks for."""
    failure = {
        "id": f"{ended}.0123456789abcdef",
        "call_connection_id": ended,
        "track": "mixed",
        "start": "2026-11-25T10:00:00Z",
        "error": "MalformedWav",
        "failed_at": "2026-11-25T10:01:00Z",
    }
    asked: list[str] = []

    async def fail(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(json=await answer.json() | {"failures": [] if asked else [failure]})

    async def retry(route: Route) -> None:
        asked.append(f"{route.request.method} {route.request.url}")
        await route.fulfill(status=202)

    await console.page.route(f"**/api/calls/{ended}", fail)
    await console.page.route("**/retry", retry)
    await show(console, ended)
    await expect(console.page.locator("[data-faults]")).to_contain_text("MalformedWav")
    await console.page.get_by_role("button", name="Run it again").click()
    await expect(console.page.locator("[data-faults]")).not_to_contain_text("MalformedWav")
    app = console.up.addresses.app
    assert asked == [f"POST {app}/api/failures/{failure['id']}/retry"]


async def test_ten_participants_are_heard(console: Console, ended: str) -> None:
    """A call that two took part in, as one of ten: one of them has a very long id."""
    rate, seconds = 16_000, 4
    wide = wav.header(rate, rate * seconds * 20, 10) + os.urandom(rate * seconds * 20)

    async def widen(route: Route) -> None:
        timeline = await (await route.fetch()).json()
        long = "28:orgid:" + "x" * 180
        track = timeline["tracks"][0]
        timeline["tracks"] = [
            track | {"track": f"t{n}", "participant": f"4:+1555000{n:04}" if n else long}
            for n in range(10)
        ]
        await route.fulfill(json=timeline)

    async def answer(route: Route) -> None:
        await route.fulfill(status=200, body=wide, headers={"Content-Type": "audio/wav"})

    page = console.page
    await page.route("**/timeline", widen)
    await page.route("**/recording", answer)
    await show(console, ended)
    await page.get_by_role("button", name="Play").click()
    await expect(page.get_by_label("Position")).not_to_have_value(re.compile(r"^0(\.[0-3])?$"))
    mutes = page.get_by_role("button", name=re.compile("^Mute"))
    await expect(mutes).to_have_count(10)
    edges = "nodes => nodes.map((node) => node.getBoundingClientRect().right)"
    assert max(await mutes.evaluate_all(edges)) < DESKTOP[0]


async def test_who_comes_to_the_recording_later_is_heard_too(console: Console, ended: str) -> None:
    """Put together anew, a recording may have a channel more; a muted one stays so."""
    rate, seconds = 16_000, 20
    page = console.page
    # What becomes of each channel is looked at behind its gain.
    await page.add_init_script(
        """window.channels = [];
        const make = AudioContext.prototype.createGain;
        AudioContext.prototype.createGain = function () {
            const gain = make.call(this);
            const seen = this.createAnalyser();
            gain.connect(seen);
            window.channels.push(seen);
            return gain;
        };
        window.isHeard = (seen) => {
            const samples = new Float32Array(seen.fftSize);
            seen.getFloatTimeDomainData(samples);
            return samples.some((sample) => sample !== 0);
        };"""
    )
    tracks = 2

    async def widen(route: Route) -> None:
        timeline = await (await route.fetch()).json()
        track = timeline["tracks"][0]
        timeline["tracks"] = [
            track | {"track": f"t{n}", "participant": f"4:+1555000{n:04}"} for n in range(tracks)
        ]
        await route.fulfill(json=timeline)

    async def answer(route: Route) -> None:
        size = rate * seconds * 2 * tracks
        file = wav.header(rate, size, tracks) + os.urandom(size)
        await route.fulfill(status=200, body=file, headers={"Content-Type": "audio/wav"})

    async def mend(route: Route) -> None:
        record = await (await route.fetch()).json()
        record["summary"]["streams"] = tracks
        await route.fulfill(json=record)

    await page.route("**/timeline", widen)
    await page.route("**/recording", answer)
    await page.route(f"**/api/calls/{ended}", mend)
    await show(console, ended)
    await page.get_by_role("button", name="Mute +1 555 000 0000").click()
    tracks = 3
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("button", name=re.compile("^Mute"))).to_have_count(3)
    await page.wait_for_function("window.channels.length >= 5")
    await page.get_by_role("button", name="Play").click()
    await page.wait_for_function("isHeard(channels.at(-1))")
    assert await page.evaluate("channels.slice(-3).map(isHeard)") == [False, True, True]


async def test_a_call_without_audio_says_so(console: Console, app: AppClient, up: Up) -> None:
    asked: Any = {"to": TO, "from": FROM, "start_streaming": False}
    call = (await app.place_call(**asked))["call_connection_id"]
    await app.until(call, lambda r: r["state"] == "connected", "the call connects")
    await app.hang_up(call)
    async with BlobServiceClient.from_connection_string(
        up.addresses.storage_connection_string
    ) as service:
        blob, content = SampleStream(call, {}).manifest_blob
        await service.get_blob_client(names.MANIFESTS, blob).upload_blob(content)
        await app.until(call, lambda r: is_put_together(r, 1), "the result")
    page = console.page
    await console.open()
    await page.goto(f"{up.addresses.console}#/calls/{call}")
    await expect(page.locator("[data-timeline-note]")).to_have_text("No audio was streamed")
    await expect(page.get_by_role("heading", name="Downloads")).to_be_visible()
    await expect(page.get_by_role("group", name="Player")).to_be_hidden()


async def test_a_transcript_that_failed_in_part_shows_the_rest(
    console: Console, ended: str
) -> None:
    async def fail(route: Route) -> None:
        transcript = await (await route.fetch()).json()
        await route.fulfill(json=transcript | {"state": "failed", "error": "1 of 9 passages: no"})

    await show(console, ended)
    await console.page.route("**/transcript", fail)
    await console.page.reload()
    await expect(console.page.locator(".utterance").first).to_be_visible(timeout=READY_MS)
    note = console.page.locator("[data-transcript-note]")
    await expect(note).to_contain_text("Not all could be written: 1 of 9 passages: no")


async def test_an_address_that_was_cut_short(console: Console) -> None:
    await console.open()
    await expect(console.page.get_by_role("heading", name="Calls")).to_be_visible()
    await console.page.goto(f"{console.up.addresses.console}#/calls/%E0%A4%A")
    await expect(console.page.get_by_role("heading", name="No such call")).to_be_visible()


async def test_what_callers_send_is_only_ever_text(console: Console, app: AppClient) -> None:
    context = "<img src=x onerror=alert(1)><b>bold</b>"
    asked: Any = {"to": TO, "from": FROM, "operation_context": context}
    call = (await app.place_call(**asked))["call_connection_id"]
    await console.open()
    await console.page.get_by_role("navigation").get_by_role("link").first.click()
    await expect(console.page.locator("[data-facts]")).to_contain_text(context)
    assert await console.page.locator("main img, main b b").count() == 0
    await app.hang_up(call)


async def test_a_hidden_page_asks_for_nothing(console: Console) -> None:
    await console.open()
    await expect(console.page.locator("#link-text")).to_have_text("Up to date")
    become = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await console.page.evaluate(become, True)
    await expect(console.page.locator("#link-text")).to_have_text("Paused")
    asked: list[str] = []
    console.page.on("request", lambda request: asked.append(request.url))
    await console.page.wait_for_timeout(4000)
    assert asked == []
    await console.page.evaluate(become, False)
    await expect(console.page.locator("#link-text")).to_have_text("Up to date")
    assert asked


async def test_an_app_that_does_not_answer_is_said_and_found_again(console: Console) -> None:
    await console.open()
    await expect(console.page.locator("#link-text")).to_have_text("Up to date")
    await console.page.route("**/api/calls?*", lambda route: route.abort())
    await expect(console.page.locator("#link-text")).to_contain_text("cannot be reached")
    await console.page.unroute("**/api/calls?*")
    await expect(console.page.locator("#link-text")).to_have_text("Up to date", timeout=15_000)


async def test_a_long_recording_comes_in_parts_and_anew_when_it_changed(console: Console) -> None:
    """The app's own recordings here fit one part: a longer one is answered in its place."""
    files = {'"1"': os.urandom(9 << 20), '"2"': os.urandom(10 << 20)}
    asked: list[str] = []

    async def answer(route: Route) -> None:
        found = route.request.headers["range"]
        asked.append(found)
        etag = '"1"' if len(asked) < 3 else '"2"'
        content = files[etag]
        first, last = (int(number) for number in found.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        headers = {"Content-Range": span, "ETag": etag, "Content-Type": "audio/wav"}
        await route.fulfill(status=206, headers=headers, body=part)

    await console.open()
    await console.page.route("**/long/recording", answer)
    digest = await console.page.evaluate(
        """async () => {
            const { inParts } = await import("/api/console/api.js");
            const blob = await inParts("long/recording");
            const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
            return [blob.type, ...new Uint8Array(hash)];
        }"""
    )
    assert digest == ["audio/wav", *hashlib.sha256(files['"2"']).digest()]
    firsts = [int(found.removeprefix("bytes=").split("-")[0]) >> 20 for found in asked]
    assert firsts == [0, 4, 8, 0, 4, 8]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_no_serious_fault(console: Console, ended: str, scheme: Scheme) -> None:
    page = console.page
    await page.emulate_media(color_scheme=scheme)
    await console.open("wrong")
    await expect(page.get_by_role("alert")).to_contain_text("refused")
    assert await console.accessibility_faults() == []
    await show(console, ended)
    await page.locator(".utterance").nth(2).click()
    await page.get_by_text("Timeline as a table").click()
    assert await console.accessibility_faults() == []
    await page.get_by_role("button", name="Zoom in").click()
    await page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert await console.accessibility_faults() == []
    await page.get_by_role("link", name="All calls").click()
    assert await console.accessibility_faults() == []
    await page.get_by_role("button", name="Place a call").click()
    await page.get_by_role("button", name="Place the call").click()
    assert await console.accessibility_faults() == []


@pytest.mark.parametrize("width", [360, 600, 900, 1100])
async def test_it_fits_every_width(console: Console, ended: str, width: int) -> None:
    await console.page.set_viewport_size({"width": width, "height": 800})
    await show(console, ended)
    assert await console.page.evaluate("document.documentElement.scrollWidth") <= width
    wide = """() => [...document.querySelectorAll(".call button, .call input, .call h1")]
        .filter((node) => node.getBoundingClientRect().right > innerWidth)
        .map((node) => node.outerHTML)"""
    assert await console.page.evaluate(wide) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_screenshots(
    console: Console, app: AppClient, ended: str, scheme: Scheme, tmp_path: Path
) -> None:
    """``make screenshots`` keeps them in docs/screenshots; else they are made, and thrown away."""
    folder = Path(os.environ.get("SCREENSHOTS_DIR") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page = console.page
    asked: Any = {"to": "+15551230199", "from": FROM, "channels": "unmixed"}
    live = (await app.place_call(**asked))["call_connection_id"]
    await app.until(live, lambda r: len(r["landed_segments"]) >= 6, "segments of a live call")
    await page.emulate_media(color_scheme=scheme)
    await show(console, ended)
    await page.locator(".utterance").nth(2).click()
    for name, (width, height) in {"desktop": (1360, 1180), "phone": PHONE}.items():
        await page.set_viewport_size({"width": width, "height": height})
        await page.mouse.move(0, 0)
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=folder / f"call-{name}-{scheme}.png")
    await page.set_viewport_size({"width": 1360, "height": 860})
    await page.get_by_role("navigation").get_by_role("link", name="Live").first.click()
    await expect(page.locator("[data-legend]")).to_contain_text("Sound")
    await page.wait_for_timeout(1500)
    await page.screenshot(path=folder / f"live-desktop-{scheme}.png")
    await app.hang_up(live)
    assert all(file.stat().st_size > 20_000 for file in folder.glob(f"*-{scheme}.png"))
