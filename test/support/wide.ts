/** A text in full-width signs, as a keyboard for Chinese, Japanese or Korean makes it. */
export const wide = (text: string): string =>
  text.replaceAll(/[!-~]/g, (sign) => String.fromCodePoint(sign.charCodeAt(0) + 0xfee0));
