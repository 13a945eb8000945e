import { crc32, deflateSync } from 'node:zlib';
import { onColor, parseColor, type Rgb } from './brand.ts';

/** Units of views/assets/favicon.svg, whose shapes these are. */
const UNITS = 32;
const CORNER = 7;
/** Samples of a pixel in each direction. */
const SAMPLES = 3;

const isWithin = (value: number, low: number, high: number): boolean => value >= low && value <= high;

/** The tile, with rounded corners. */
function isTile(x: number, y: number): boolean {
  const [dx, dy] = [x, y].map((at) => Math.max(CORNER - at, at - (UNITS - CORNER), 0));
  return Math.hypot(dx ?? 0, dy ?? 0) <= CORNER;
}

/** The mark: an arch as a line, and in it a door with a keyhole. */
function isMark(left: number, top: number): boolean {
  const [x, y] = [(left - 4.2) / 0.74 - 16, (top - 3.2) / 0.74];
  const fromCentre = Math.hypot(x, y - 15.25);
  // The ends of the arch are round.
  const toArch =
    y < 15.25 ? Math.abs(fromCentre - 11.5) : Math.hypot(Math.abs(x) - 11.5, Math.max(0, y - 28.5));
  const isDoor = isWithin(y, 15.25, 29.8) ? Math.abs(x) <= 6.5 : y < 15.25 && fromCentre <= 6.5;
  const isKeyhole =
    Math.hypot(x, y - 16.85) <= 2.35 || (isWithin(y, 18.87, 23) && Math.abs(x) <= 1.2 + (y - 18.87) * 0.133);
  return toArch <= 1.3 || (isDoor && !isKeyhole);
}

/** One pixel as red, green, blue and opacity (0 to 255). */
function pixel(
  left: number,
  top: number,
  width: number,
  colors: { tile: Rgb; mark: Rgb },
  isRound: boolean,
): number[] {
  let [tile, mark] = [0, 0];
  for (let sample = 0; sample < SAMPLES ** 2; sample += 1) {
    const x = left + ((sample % SAMPLES) + 0.5) * (width / SAMPLES);
    const y = top + (Math.floor(sample / SAMPLES) + 0.5) * (width / SAMPLES);
    if (isRound && !isTile(x, y)) continue;
    if (isMark(x, y)) mark += 1;
    else tile += 1;
  }
  const filled = tile + mark;
  const share = filled === 0 ? 0 : mark / filled;
  const mixed = colors.tile.map((part, index) =>
    Math.round(part + ((colors.mark[index] ?? 0) - part) * share),
  );
  return [...mixed, Math.round((filled / SAMPLES ** 2) * 255)];
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/**
 * The icon as a PNG (RFC 2083), for clients that do not show the SVG.
 * @param color the brand's, like `#2f5bea`.
 * @param size of a side, in pixels.
 * @param isRound whether it has rounded corners: not where the system shapes its icons.
 */
export function iconPng(color: string, size: number, isRound: boolean): Buffer {
  const colors = { tile: parseColor(color), mark: parseColor(onColor(color)) };
  const width = UNITS / size;
  const rows = Array.from({ length: size }, (_, row) =>
    // Each row begins with its filter type: none.
    Buffer.from([
      0,
      ...Array.from({ length: size }, (_, column) =>
        pixel(column * width, row * width, width, colors, isRound),
      ).flat(),
    ]),
  );
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  // Bit depth 8; red, green, blue and opacity.
  header.set([8, 6], 8);
  return Buffer.concat([
    Buffer.from([0x89, ...Buffer.from('PNG\r\n\x1a\n', 'latin1')]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A PNG of at most 255 pixels a side as an ICO file. */
export function icoOf(png: Buffer, size: number): Buffer {
  const head = Buffer.alloc(22);
  // One image: its width and height, 32 bits per pixel, its length and its offset.
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(1, 4);
  head.set([size, size], 6);
  head.writeUInt16LE(1, 10);
  head.writeUInt16LE(32, 12);
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(head.length, 18);
  return Buffer.concat([head, png]);
}
