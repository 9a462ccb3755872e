// Read CSV (RFC 4180). Pure.

/** Keep the rows whose value in a column is one of these, as they are, and the header if it is wanted. */
export function keepRows(text, column, values, { hasHeader = true } = {}) {
  const [header = "", ...rows] = splitRows(text);
  const index = splitFields(header).indexOf(column);
  const kept = rows.filter((row) => values.has(splitFields(row)[index]));
  return [...(hasHeader ? [header] : []), ...kept].join("");
}

/** Split a text after each line break that is not within quotes. */
export const splitRows = (text) => text.match(/(?:"(?:[^"]|"")*"|[^"\n])*(?:\n|$)/g)?.filter(Boolean) ?? [];

/** The values of a row, without quotes and line break. */
export function splitFields(row) {
  const fields = row.replace(/^\ufeff/, "").replace(/\r?\n$/, "").match(/(?:^|,)(?:"(?:[^"]|"")*"|[^,]*)/g) ?? [];
  return fields.map((field) => {
    const value = field.replace(/^,/, "");
    return value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value;
  });
}
