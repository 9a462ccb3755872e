// Phone numbers as users type them. Pure.

/** Whether a text can only be a phone number, or a part of one: no word of a transcript. */
export const isNumberLike = (text) => /^\+?[\d\s().-]{3,}$/.test(text) && /\d{3}/.test(text.replace(/\D/g, ""));

/** The text of a phone number without spaces, brackets and dashes: E.164 has none. */
export const normaliseNumber = (text) =>
  (/^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, "") : text.trim());
