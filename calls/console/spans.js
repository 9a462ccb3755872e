// Arithmetic on spans `{ start_ms, end_ms }`. Pure.

/** The sum of the spans' lengths, in milliseconds. */
export const totalMs = (spans) => spans.reduce((sum, span) => sum + span.end_ms - span.start_ms, 0);

/** The time that at least one span covers, in milliseconds. */
export function coveredMs(spans) {
  let [sum, coveredUntil] = [0, -Infinity];
  for (const { start_ms: start, end_ms: end } of spans.toSorted((a, b) => a.start_ms - b.start_ms)) {
    sum += Math.max(0, end - Math.max(start, coveredUntil));
    coveredUntil = Math.max(coveredUntil, end);
  }
  return sum;
}
