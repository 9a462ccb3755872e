"""The console in a browser: the recording, timeline, transcript and downloads of an ended call."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, Route, expect

from calls.results.timeline import NOT_ANALYSED
from contract import wav
from local.client import AppClient
from tests.e2e.console.browser import DESKTOP, MARKS, READY_MS, Console
from tests.e2e.console.conftest import SHOWN_TO

pytestmark = MARKS


async def test_a_click_on_an_utterance_plays_it(
    console: Console, app: AppClient, ended: str
) -> None:
    await console.open_call(ended)
    # Its position depends on how soon after the call the stream started.
    utterances = (await app.transcript(ended))["utterances"]
    (start,) = [line["start_ms"] / 1000 for line in utterances if "storm" in line["text"].lower()]
    page = console.page
    utterance = page.locator(".utterance", has_text=re.compile("storm", re.IGNORECASE))
    await expect(utterance).to_have_count(1)
    await utterance.click()
    await console.expect_position(start, 0.1)
    await expect(utterance).to_have_attribute("aria-current", "true")
    # So slowly that the words are not over before anybody looks.
    await page.locator("audio").evaluate("audio => (audio.playbackRate = 0.1)")
    await page.get_by_role("button", name="Play").click()
    await expect(utterance.locator(".word.current")).to_have_count(1)
    await page.get_by_label("Playback speed").select_option("2")
    # The next utterance follows.
    await expect(utterance).not_to_have_attribute("aria-current", "true")
    await page.locator("audio").evaluate("audio => (audio.playbackRate = 0.1)")
    await page.get_by_role("button", name="Pause").click()

    lane = page.get_by_role("img", name=re.compile("Waveform of")).first
    await lane.click()
    length = float(await page.locator("audio").evaluate("audio => audio.duration"))
    await console.expect_position(length / 2, 0.2)
    mute = page.get_by_role("button", name=f"Mute {SHOWN_TO}")
    await mute.click()
    await expect(mute).to_have_attribute("aria-pressed", "true")

    await page.get_by_label("Search transcript").fill("contact")
    await expect(page.locator("mark")).to_have_count(await page.locator("li:visible mark").count())
    await expect(page.locator("[data-search-status]")).to_have_text(re.compile(r"^\d match(es)?$"))


async def test_a_new_version_of_the_recording_keeps_the_position(
    console: Console, ended: str
) -> None:
    async def change_summary(route: Route) -> None:
        response = await route.fetch()
        record = await response.json()
        record["summary"]["missing_segments"] = 1
        await route.fulfill(json=record)

    await console.open_call(ended)
    page = console.page
    await page.get_by_role("button", name="Skip forward 5 seconds").click()
    await console.expect_position(5.0, 0.1)
    audio = page.locator("audio")
    # Not its src: links that are made within the same second are equal.
    await audio.evaluate("audio => (audio.onloadstart = () => (audio.dataset.reloaded = ''))")
    await page.route(f"**/api/v1/calls/{ended}", change_summary)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(audio).to_have_attribute("data-reloaded", "")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    await console.expect_position(5.0, 0.1)


async def test_a_click_on_play_counts_while_a_new_version_loads(
    console: Console, ended: str
) -> None:
    page, audio = console.page, console.page.locator("audio")
    waiting, sending = asyncio.Event(), asyncio.Event()

    async def change_summary(route: Route) -> None:
        record = await (await route.fetch()).json()
        record["summary"]["missing_segments"] = 1
        await route.fulfill(json=record)

    async def hold_back(route: Route) -> None:
        waiting.set()
        await sending.wait()
        await route.fallback()

    await console.send_recording(lambda: wav.header(16_000, 3_200_000) + bytes(3_200_000))
    await console.open_call(ended)
    await page.route(f"**/api/v1/calls/{ended}", change_summary)
    await page.route("**/recordings/replaced", hold_back)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await asyncio.wait_for(waiting.wait(), 60)
    await page.get_by_role("button", name="Play").click()
    assert await audio.evaluate("audio => audio.paused")
    sending.set()
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()


async def test_downloads_are_the_files_of_the_api(
    console: Console, app: AppClient, ended: str
) -> None:
    await console.open_call(ended)
    page, key = console.page, {"x-functions-key": console.up.addresses.function_key}
    files = {
        "Recording": ("recording", f"call-{ended}.wav"),
        "Transcript (WebVTT)": ("transcript.vtt", f"call-{ended}.vtt"),
        "Transcript (text)": ("transcript.txt", f"call-{ended}.txt"),
        "Transcript (JSON)": ("transcript.json", f"call-{ended}.json"),
        "Timeline (JSON)": ("timeline", f"call-{ended}.timeline.json"),
    }
    async with aiohttp.ClientSession(console.up.addresses.app, headers=key) as session:
        for name, (path, file) in files.items():
            async with page.expect_download() as download_info:
                await page.get_by_role("button", name=name).click()
            download = await download_info.value
            assert download.suggested_filename == file
            async with session.get(f"/api/v1/calls/{ended}/{path}") as response:
                assert Path(await download.path()).read_bytes() == await response.read()


async def test_gaps_and_missing_segments_are_listed(console: Console, ended: str) -> None:
    """The timeline of a complete call, changed to have some."""

    async def add_gaps(route: Route) -> None:
        response = await route.fetch()
        timeline = await response.json()
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

    await console.page.route("**/timeline?*", add_gaps)
    await console.open_call(ended)
    issues = console.page.locator("[data-issues]")
    await expect(issues).to_contain_text("Not streamed, 0:05\u20130:07")
    await expect(issues).to_contain_text("Missing segment, 0:10\u20130:15")
    await expect(issues).to_contain_text("Not analysed, 0:10\u20130:15")
    await expect(console.page.locator("[data-alerts]")).to_contain_text("1 segment missing")
    await expect(
        console.page.get_by_role(
            "img", name=re.compile("1 gap without streaming.*2 segments missing")
        )
    ).to_have_count(1)


async def test_many_losses_are_summarized_and_stay_open(console: Console, ended: str) -> None:
    async def add_losses(route: Route) -> None:
        timeline = await (await route.fetch()).json()
        timeline["tracks"][0]["losses"] = [
            {"start_ms": n * 1000, "end_ms": n * 1000 + 500, "gaps": 2, "filled_ms": 40.0}
            for n in range(12)
        ]
        await route.fulfill(json=timeline)

    page = console.page
    await page.route("**/timeline?*", add_losses)
    await console.open_call(ended)
    issues = page.locator("[data-issues] > li")
    await expect(issues.filter(has_text="Lost audio")).to_have_count(1)
    await expect(issues.filter(has_text="Lost audio")).to_contain_text("480 ms in 24 gaps")
    await page.get_by_text("Show all 12").click()
    await expect(page.get_by_text("0:11\u20130:11")).to_be_visible()
    async with page.expect_response(f"**/api/v1/calls/{ended}"):
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_text("0:11\u20130:11")).to_be_visible()


@pytest.mark.parametrize("diarized", [True, False])
async def test_the_voices_of_a_mixed_track(console: Console, ended: str, *, diarized: bool) -> None:
    async def mix(route: Route) -> None:
        transcript = await (await route.fetch()).json()
        transcript["diarized"] = diarized
        for number, utterance in enumerate(transcript["utterances"]):
            utterance |= {"track": "mixed", "participant": None, "name": None}
            utterance["speaker"] = 1 + number % 2 if diarized else None
        await route.fulfill(json=transcript)

    await console.page.route("**/transcript?*", mix)
    await console.open_call(ended)
    note = console.page.locator("[data-transcript-note]")
    speakers = console.page.locator(".utterance-speaker")
    if diarized:
        await expect(speakers.nth(1)).to_have_text("Speaker 2")
        await expect(note).not_to_contain_text("told apart")
    else:
        await expect(note).to_contain_text("voices of the mixed track were not told apart")
        await expect(speakers).to_have_count(0)


async def test_the_recording_is_streamed_and_opens_at_the_moment_of_a_link(
    console: Console, ended: str
) -> None:
    page = console.page
    downloads: list[str] = []
    page.on("request", lambda r: downloads.append(r.url) if r.url.endswith("/recording") else None)
    await console.open_call(f"{ended}?t=7.5")
    await console.expect_position(7.5, 0.1)
    source = str(await page.locator("audio").get_attribute("src"))
    assert source.startswith(console.storage)
    assert not [url for url in downloads if url.startswith(console.up.addresses.app)]

    await page.evaluate("location.hash += '1'")  # ?t=7.51: the call stays open.
    await console.expect_position(7.51, 0.005)
    await console.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy link to this moment").click()
    link = f"{console.up.addresses.console}#/calls/{ended}?t=7"
    await until_true(page, f"navigator.clipboard.readText().then((text) => text === '{link}')")

    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await page.get_by_label("Playback position").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    await page.get_by_label("Search transcript").focus()
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Play")).to_be_visible()


async def test_an_expired_link_is_replaced_where_it_stopped(console: Console, ended: str) -> None:
    page = console.page
    await console.open_call(f"{ended}?t=3")
    await console.expect_position(3.0, 0.1)
    first = await page.locator("audio").get_attribute("src")
    # Sooner than that, a link that fails is an error.
    await page.wait_for_timeout(5100)
    await page.locator("audio").evaluate("audio => audio.dispatchEvent(new Event('error'))")
    await expect(page.locator("audio")).not_to_have_attribute("src", str(first))
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    await console.expect_position(3.0, 0.1)


async def test_without_access_to_the_storage_the_recording_is_downloaded(
    console: Console, ended: str
) -> None:
    await console.page.route(f"{console.storage}/**", lambda route: route.abort())
    await console.open_call(ended)
    await expect(console.page.locator("audio")).to_have_attribute("src", re.compile("^blob:"))
    await console.page.get_by_role("button", name="Play").click()
    await expect(console.page.get_by_role("button", name="Pause")).to_be_visible()


async def test_list_and_call_show_the_same_figures(console: Console, ended: str) -> None:
    await console.open_call(ended)
    page = console.page
    row = await page.locator(".call-row[aria-current=page] .call-row-bottom").inner_text()
    metrics = page.locator("[data-metrics] > div")
    duration = await metrics.filter(has_text="Duration").locator("dd").inner_text()
    speech = await metrics.filter(has_text="Speech").locator("dd").inner_text()
    assert f"{duration} \u00b7 {speech} speech" in row
    await expect(page.locator("[data-duration]")).to_have_text(duration)


async def test_a_failed_segment_is_retried(console: Console, ended: str) -> None:
    """The record of a complete call, changed to have a failure; the retry is answered here."""
    failure = {
        "id": f"{ended}.0123456789abcdef",
        "call_connection_id": ended,
        "track": "mixed",
        "start": "2026-11-25T10:00:00Z",
        "error": "MalformedWav",
        "failed_at": "2026-11-25T10:01:00Z",
    }
    requests: list[str] = []

    async def fail(route: Route) -> None:
        response = await route.fetch()
        await route.fulfill(
            json=await response.json() | {"failures": [] if requests else [failure]}
        )

    async def retry(route: Route) -> None:
        requests.append(f"{route.request.method} {route.request.url}")
        await route.fulfill(status=202)

    await console.page.route(f"**/api/v1/calls/{ended}", fail)
    await console.page.route("**/retry", retry)
    await console.open_call(ended)
    await expect(console.page.locator("[data-issues]")).to_contain_text("MalformedWav")
    await console.page.get_by_role("button", name="Retry").click()
    await expect(console.page.locator("[data-issues]")).not_to_contain_text("MalformedWav")
    app = console.up.addresses.app
    assert requests == [f"POST {app}/api/v1/failures/{failure['id']}/retry"]


async def test_ten_participants_are_played(console: Console, ended: str) -> None:
    """A call of two, changed to have ten participants, one of them with a very long ID."""
    rate, seconds = 16_000, 4
    wide = wav.header(rate, rate * seconds * 20, 10) + os.urandom(rate * seconds * 20)

    async def add_tracks(route: Route) -> None:
        timeline = await (await route.fetch()).json()
        long = "28:orgid:" + "x" * 180
        track = timeline["tracks"][0]
        timeline["tracks"] = [
            track | {"track": f"t{n}", "participant": f"4:+1555000{n:04}" if n else long}
            for n in range(10)
        ]
        await route.fulfill(json=timeline)

    page = console.page
    await page.route("**/timeline?*", add_tracks)
    await console.send_recording(lambda: wide)
    await console.open_call(ended)
    colors = await page.locator(".lane .swatch").evaluate_all(
        "nodes => nodes.map((node) => getComputedStyle(node).backgroundColor)"
    )
    assert len(set(colors)) == 10, "no two participants have one colour"
    await page.get_by_role("button", name="Play").click()
    await expect(page.get_by_label("Playback position")).not_to_have_value(
        re.compile(r"^0(\.[0-3])?$")
    )
    mutes = page.get_by_role("button", name=re.compile("^Mute"))
    await expect(mutes).to_have_count(10)
    edges = "nodes => nodes.map((node) => node.getBoundingClientRect().right)"
    assert max(await mutes.evaluate_all(edges)) < DESKTOP[0]


async def test_a_channel_added_by_a_new_version_is_played(console: Console, ended: str) -> None:
    """A new version may have one more channel. A muted channel stays muted."""
    rate, seconds = 16_000, 20
    page = console.page
    # An analyser behind each channel's gain shows whether the channel is audible.
    await page.add_init_script(
        """window.channels = [];
        const createGain = AudioContext.prototype.createGain;
        AudioContext.prototype.createGain = function () {
            const gain = createGain.call(this);
            const analyser = this.createAnalyser();
            gain.connect(analyser);
            window.channels.push(analyser);
            return gain;
        };
        window.isAudible = (analyser) => {
            const samples = new Float32Array(analyser.fftSize);
            analyser.getFloatTimeDomainData(samples);
            return samples.some((sample) => sample !== 0);
        };"""
    )
    tracks = 2

    async def add_tracks(route: Route) -> None:
        timeline = await (await route.fetch()).json()
        track = timeline["tracks"][0]
        timeline["tracks"] = [
            track | {"track": f"t{n}", "participant": f"4:+1555000{n:04}"} for n in range(tracks)
        ]
        await route.fulfill(json=timeline)

    def create_recording() -> bytes:
        size = rate * seconds * 2 * tracks
        return wav.header(rate, size, tracks) + os.urandom(size)

    async def change_summary(route: Route) -> None:
        record = await (await route.fetch()).json()
        record["summary"]["streams"] = tracks
        await route.fulfill(json=record)

    await page.route("**/timeline?*", add_tracks)
    await console.send_recording(create_recording)
    await page.route(f"**/api/v1/calls/{ended}", change_summary)
    await console.open_call(ended)
    await page.get_by_role("button", name="Mute +1 555 000 0000").click()
    tracks = 3
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.get_by_role("button", name=re.compile("^Mute"))).to_have_count(3)
    await until_true(page, "window.channels.length >= 5")
    await page.get_by_role("button", name="Play").click()
    await until_true(page, "isAudible(channels.at(-1))")
    assert await page.evaluate("channels.slice(-3).map(isAudible)") == [False, True, True]


async def until_true(page: Page, expression: str) -> None:
    """Wait until an expression is true. (The policy forbids what ``wait_for_function`` does.)"""
    for _ in range(900):
        if await page.evaluate(expression):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"never true: {expression}")


async def test_a_partly_failed_transcript_shows_the_rest(console: Console, ended: str) -> None:
    async def fail(route: Route) -> None:
        transcript = await (await route.fetch()).json()
        await route.fulfill(json=transcript | {"state": "failed", "error": "1 of 9 chunks failed"})

    await console.open_call(ended)
    await console.page.route("**/transcript?*", fail)
    await console.page.reload()
    await expect(console.page.locator(".utterance").first).to_be_visible(timeout=READY_MS)
    note = console.page.locator("[data-transcript-note]")
    await expect(note).to_contain_text("Incomplete: 1 of 9 chunks failed")

    async def retry(route: Route) -> None:
        assert route.request.method == "POST"
        await console.page.unroute("**/transcript?*")
        await route.fulfill(status=202)

    await console.page.route("**/transcript/retry", retry)
    await console.page.get_by_role("button", name="Retry").click()
    await expect(note).to_have_text(re.compile(r"^\d+ utterances$"))
    await expect(console.page.get_by_role("button", name="Retry")).to_be_hidden()


async def test_a_long_recording_is_downloaded_in_ranges_and_again_if_it_changes(
    console: Console,
) -> None:
    """The recordings of these tests fit one range, so a longer one is simulated."""
    files = {'"1"': os.urandom(9 << 20), '"2"': os.urandom(10 << 20)}
    ranges: list[str] = []

    async def send_recording(route: Route) -> None:
        range_header = route.request.headers["range"]
        ranges.append(range_header)
        etag = '"1"' if len(ranges) < 3 else '"2"'
        content = files[etag]
        first, last = (int(number) for number in range_header.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        span = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        headers = {"Content-Range": span, "ETag": etag, "Content-Type": "audio/wav"}
        await route.fulfill(status=206, headers=headers, body=part)

    await console.open()
    await console.page.route("**/long/recording", send_recording)
    digest = await console.page.evaluate(
        """async () => {
            const { downloadInRanges } = await import("/api/console/ranges.js");
            const blob = await downloadInRanges("long/recording");
            const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
            return [blob.type, ...new Uint8Array(hash)];
        }"""
    )
    assert digest == ["audio/wav", *hashlib.sha256(files['"2"']).digest()]
    firsts = [int(header.removeprefix("bytes=").split("-")[0]) >> 20 for header in ranges]
    assert firsts == [0, 4, 8, 0, 4, 8]
