import { renderSVG } from 'uqr';

/** `text` as a QR code: the address of an image that is its own content. */
export const qrCode = (text: string): string =>
  `data:image/svg+xml;base64,${Buffer.from(renderSVG(text, { ecc: 'M', border: 3 })).toString('base64')}`;
