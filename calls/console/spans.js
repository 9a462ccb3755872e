// Arithmetic on spans `{ start_ms, end_ms }`. Pure.

/** The sum of the spans' lengths, in milliseconds. */
export const totalMs = (spans) => spans.reduce((sum, span) => sum + span.end_ms - span.start_ms, 0);

/** The parts of the spans that the others cover, too. The others must not overlap each other. */
export function intersect(spans, others) {
  return spans.flatMap(({ start_ms: start, end_ms: end }) =>
    others
      .map((other) => ({ start_ms: Math.max(start, other.start_ms), end_ms: Math.min(end, other.end_ms) }))
      .filter((span) => span.start_ms < span.end_ms));
}
