// Compute the waveform of a WAV file. Pure.

/** The length of audio behind one peak. */
export const WINDOW_MS = 100;
const FULL_SCALE = 32_768;
const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;

/**
 * The highest sample of each window, from 0 to 1.
 *
 * @param {ArrayBuffer} file - a WAV file with 16-bit samples and one channel
 * @returns {number[]}
 */
export function computePeaks(file) {
  const { rate, samples } = readSamples(file);
  const windowSize = (rate * WINDOW_MS) / 1000;
  const peaks = [];
  for (let start = 0; start < samples.length; start += windowSize) {
    let peak = 0;
    for (let n = start; n < Math.min(start + windowSize, samples.length); n += 1) {
      peak = Math.max(peak, Math.abs(samples[n]));
    }
    peaks.push(peak / FULL_SCALE);
  }
  return peaks;
}

function readSamples(file) {
  const view = new DataView(file);
  const chunkId = (offset) => String.fromCharCode(...new Uint8Array(file, offset, 4));
  let offset = RIFF_HEADER_BYTES;
  let rate = 16_000;
  while (offset + CHUNK_HEADER_BYTES <= file.byteLength && chunkId(offset) !== "data") {
    if (chunkId(offset) === "fmt ") rate = view.getUint32(offset + 12, true);
    offset += CHUNK_HEADER_BYTES + view.getUint32(offset + 4, true);
  }
  const end = file.byteLength - ((file.byteLength - offset) % 2);
  return { rate, samples: new Int16Array(file.slice(offset + CHUNK_HEADER_BYTES, end)) };
}
