import type { IncomingMessage } from 'node:http';
import { parse } from 'lossless-json';
import { DomainError } from '../../core/errors.ts';

/** More objects and lists than any request of a contract has. Bounds the parser's recursion. */
const MAX_OPENINGS = 256;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a JSON body (RFC 8259) of at most `limit` bytes. Refuses a name that occurs twice in an object with different values:
 * two readers could use different ones.
 * @param maxOpenings maximum number of objects and lists.
 * @returns undefined for an empty body.
 * @throws DomainError unsupported_media_type, payload_too_large, invalid_request.
 */
export async function readJson(
  req: IncomingMessage,
  limit: number,
  maxOpenings = MAX_OPENINGS,
): Promise<unknown> {
  const bytes = await readBytes(req, limit);
  if (bytes.length === 0) return undefined;
  const type = (req.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type !== 'application/json' && !type.endsWith('+json')) throw new DomainError('unsupported_media_type');
  return parseJson(bytes, maxOpenings);
}

/** Parses the bytes of a body as `readJson` does. @throws DomainError invalid_request. */
export function parseJson(bytes: Buffer, maxOpenings = MAX_OPENINGS): unknown {
  try {
    const text = utf8.decode(bytes);
    if (openings(text, maxOpenings) > maxOpenings) throw new SyntaxError('too many objects and lists');
    const value: unknown = JSON.parse(text);
    // The text cannot hold more names than were parsed, so none occurs twice. Otherwise use the slow parser.
    return names(value) === (text.match(/"\s*:/g)?.length ?? 0) ? value : parse(text, null, Number);
  } catch (error) {
    throw new DomainError(
      'invalid_request',
      { reason: 'The request body is not valid JSON' },
      { cause: error },
    );
  }
}

/**
 * A body of at most `limit` bytes. Listeners cost a third of async iteration, and every request of an API gateway comes through
 * here.
 * @throws DomainError payload_too_large, invalid_request.
 */
export const readBytes = (req: IncomingMessage, limit: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const refuse = () => reject(new DomainError('payload_too_large'));
    if (Number(req.headers['content-length'] ?? 0) > limit) return refuse();
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) return chunks.push(chunk);
      req.pause();
      return refuse();
    });
    req.on('end', () => resolve(Buffer.concat(chunks)));
    req.on('error', (error) => reject(new DomainError('invalid_request', {}, { cause: error })));
  });

/** The total number of names of all objects in `value`. */
function names(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inside = Object.values(value).reduce<number>((sum, one) => sum + names(one), 0);
  return Array.isArray(value) ? inside : inside + Object.keys(value).length;
}

/** Maximum number of objects and lists in `text`, and so of their nesting depth. */
const openings = (text: string, max: number): number => text.split(/[[{]/, max + 2).length - 1;
