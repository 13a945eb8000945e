/** Inline styles of messages: many mail programs support only `style` attributes. */
export interface MailStyles {
  brand: string;
  onBrand: string;
  text: string;
  muted: string;
  small: string;
  link: string;
  cell: string;
}

const FONT =
  'font-family:system-ui,-apple-system,Segoe UI,Roboto,Helvetica Neue,Arial,Noto Sans,PingFang SC,Microsoft YaHei,sans-serif;';
const TEXT = '#151922';
const MUTED = '#545e6f';

/** The relative luminance of a colour like `#2f5bea`, 0 to 1 (WCAG 2.2). */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param color the brand's, like `#2f5bea`. */
export function createMailStyles(color: string): MailStyles {
  // White if it has the contrast of 4.5 that text needs (WCAG 2.2, 1.4.3).
  const onBrand = 1.05 / (luminance(color) + 0.05) >= 4.5 ? '#ffffff' : '#000000';
  return {
    brand: color,
    onBrand,
    text: `margin:0 0 16px;${FONT}font-size:16px;line-height:24px;color:${TEXT};`,
    muted: `margin:0 0 16px;${FONT}font-size:14px;line-height:21px;color:${MUTED};`,
    small: `margin:0;${FONT}font-size:13px;line-height:19px;color:${MUTED};`,
    link: `color:${TEXT};text-decoration:underline;word-break:break-all;`,
    cell: `${FONT}font-size:14px;line-height:21px;vertical-align:top;`,
  };
}
