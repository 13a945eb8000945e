/** Leading characters that make a spreadsheet evaluate a cell. */
const FORMULA = /^[=+\-@\t\r]/;

/**
 * Formats a cell (RFC 4180 section 2). Prefixes a would-be formula with an apostrophe so that no spreadsheet
 * evaluates it.
 */
function cell(value: string): string {
  const text = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line of a CSV file (RFC 4180), with its end; null is empty. */
export const csvLine = (values: readonly (string | null)[]): string =>
  `${values.map((value) => cell(value ?? '')).join(',')}\r\n`;
