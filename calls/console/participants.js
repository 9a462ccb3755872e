// Participants as users search for them: by number or by name. Pure.

/** So many digits at a number's end tell it from others. */
const MIN_DIGITS = 6;

/** The text of a phone number without spaces, brackets and dashes: E.164 has none. */
export const normaliseNumber = (text) =>
  (/^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text.trim());

/** The names and phone numbers in calls, each once, sorted. */
export function listParticipants(records) {
  const texts = records.flatMap(({ to, from, participants = [], names = {} }) =>
    [...Object.values(names), ...[to, from, ...participants].filter(Boolean).map(numberOf).filter(Boolean)]);
  return [...new Set(texts)].sort((a, b) => a.localeCompare(b));
}

/**
 * The participant that a text names, as the app searches for one: a whole number or name.
 *
 * `known` are those of `listParticipants`: a name is found in any case, and a number by its end, so
 * that it needs no country code. Null if the text is neither known nor a whole number.
 */
export function findParticipant(text, known) {
  const wanted = normaliseNumber(text);
  if (/^\+\d{7,15}$/.test(wanted)) return wanted;
  const digits = /^\d+$/.test(wanted) ? wanted.replace(/^0+/, "") : "";
  return known.find((each) => each.toLowerCase() === wanted.toLowerCase())
    ?? (digits.length >= MIN_DIGITS ? known.find((each) => /^\+\d+$/.test(each) && each.endsWith(digits)) : null)
    ?? null;
}

const numberOf = (rawId) => /^(?:4:)?(\+\d+)$/.exec(rawId)?.[1];
