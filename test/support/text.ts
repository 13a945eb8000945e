/** Strips the indentation of lines: quoted code is indented less than its source. */
export const withoutIndentation = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
