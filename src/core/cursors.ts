import { DomainError } from './errors.ts';
import { constantTimeEqual, type Secrets } from './secrets.ts';

/**
 * Positions in lists, as callers carry them from one page to the next: authenticated, bound to one query, good for ever.
 * A position is readable: it holds nothing but what the page before it showed.
 */
export interface Cursors {
  /** @param query what the list is of, its filters and its sort, as one text. @param position of the last item shown. */
  seal(query: string, position: readonly string[]): string;
  /** @throws DomainError invalid_cursor for one that was not made here, or for another query. */
  open(query: string, cursor: string): string[];
}

/** Characters; longer ones are refused unread. */
const LONGEST = 4_096;

export function createCursors(secrets: Secrets): Cursors {
  const tagOf = (query: string, body: string) => secrets.mac('cursor', JSON.stringify([query, body]));
  return {
    seal(query, position) {
      const body = Buffer.from(JSON.stringify(position)).toString('base64url');
      return `${body}.${tagOf(query, body)}`;
    },
    open(query, cursor) {
      const [body = '', tag = '', ...rest] = cursor.length > LONGEST ? [] : cursor.split('.');
      if (rest.length > 0 || !constantTimeEqual(tag, tagOf(query, body)))
        throw new DomainError('invalid_cursor', { field: 'cursor' });
      return JSON.parse(Buffer.from(body, 'base64url').toString()) as string[];
    },
  };
}
