/** The lines without their indentation: a quotation stands further left than where it was taken from. */
export const withoutIndentation = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
