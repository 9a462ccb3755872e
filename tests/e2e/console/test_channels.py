"""Recordings of several participants in Chromium: each has its channel, and is heard in its mix."""

from __future__ import annotations

import asyncio
import base64

import pytest
from playwright.async_api import Browser

from tests import voices
from tests.e2e.console.browser import MARKS

pytestmark = MARKS

CHANNELS = (1, 2, 3, 4, 5, 6, 7, 8)
AUDIBLE = voices.AMPLITUDE / 4

MEASURE = """
async ([base64, type, frequencies, audible]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const amplitudes = (samples, rate) => frequencies.map((frequency) => {
    let [re, im] = [0, 0];
    samples.forEach((sample, n) => {
      const phase = (2 * Math.PI * frequency * n) / rate;
      re += sample * Math.cos(phase);
      im += sample * Math.sin(phase);
    });
    return (2 * Math.hypot(re, im)) / samples.length;
  });
  const loudest = (levels) => levels.indexOf(Math.max(...levels));

  const decoder = new OfflineAudioContext(1, 16000, 16000);
  const decoded = await decoder.decodeAudioData(bytes.slice().buffer);
  const channels = [];
  for (let n = 0; n < decoded.numberOfChannels; n += 1) {
    channels.push(loudest(amplitudes(decoded.getChannelData(n).subarray(0, 4000), 16000)));
  }

  // What the element itself plays, mixed to stereo.
  const audio = new Audio(URL.createObjectURL(new Blob([bytes], { type })));
  audio.loop = true;
  await audio.play();
  const context = new AudioContext({ sampleRate: 16000 });
  await context.resume();
  const splitter = context.createChannelSplitter(2);
  context.createMediaStreamSource(audio.captureStream()).connect(splitter);
  const sides = [0, 1].map((side) => {
    const analyser = new AnalyserNode(context, { fftSize: 4096 });
    splitter.connect(analyser, side);
    return analyser;
  });
  const samples = new Float32Array(4096);
  // On a busy machine the sound has gaps: any stretch in which all are heard will do.
  const endsAt = performance.now() + 60_000;
  let levels;
  do {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const [left, right] = sides.map((side) => {
      side.getFloatTimeDomainData(samples);
      return amplitudes(samples, 16000);
    });
    levels = frequencies.map((_, n) => Math.max(left[n], right[n]) * 32768);
  } while (Math.min(...levels) <= audible && performance.now() < endsAt);
  audio.pause();
  await context.close();
  return [channels, levels];
}
"""


@pytest.mark.parametrize("format_", ["wav", "flac"])
async def test_each_participant_is_heard(browser: Browser, format_: str) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto("about:blank")
    # Browsers play sound only after a gesture.
    await page.mouse.click(10, 10)

    async def measure(count: int) -> tuple[list[int], list[float]]:
        frames = voices.hum(count, 2)
        file = voices.wav_file(frames) if format_ == "wav" else voices.flac_file(frames)
        frequencies = [voices.frequency(channel) for channel in range(count)]
        arguments = [base64.b64encode(file).decode(), f"audio/{format_}", frequencies, AUDIBLE]
        channels, levels = await page.evaluate(MEASURE, arguments)
        return channels, levels

    results = await asyncio.gather(*map(measure, CHANNELS))
    for count, (channels, levels) in zip(CHANNELS, results, strict=True):
        assert channels == list(range(count))
        assert min(levels) > AUDIBLE, (count, levels)
    await context.close()
