/** Converts text to full-width characters, as Chinese, Japanese or Korean input methods type them. */
export const wide = (text: string): string =>
  text.replaceAll(/[!-~]/g, (sign) => String.fromCodePoint(sign.charCodeAt(0) + 0xfee0));
