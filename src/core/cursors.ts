import { DomainError } from './errors.ts';
import { constantTimeEqual, type Secrets } from './secrets.ts';

/**
 * Cursors of paged lists: authenticated, bound to one query, without expiry. The position is readable; it holds only
 * values that the previous page showed.
 */
export interface Cursors {
  /** @param query the list, its filters and its sort, as one string. @param position of the last item shown. */
  seal(query: string, position: readonly string[]): string;
  /** @throws DomainError invalid_cursor for a forged cursor, or one of another query. */
  open(query: string, cursor: string): string[];
}

/** Maximum characters of a cursor; reject longer ones unread. */
const MAX_CURSOR_LENGTH = 4_096;

export function createCursors(secrets: Secrets): Cursors {
  const tagOf = (query: string, body: string) => secrets.mac('cursor', JSON.stringify([query, body]));
  return {
    seal(query, position) {
      const body = Buffer.from(JSON.stringify(position)).toString('base64url');
      return `${body}.${tagOf(query, body)}`;
    },
    open(query, cursor) {
      const [body = '', tag = '', ...rest] = cursor.length > MAX_CURSOR_LENGTH ? [] : cursor.split('.');
      if (rest.length > 0 || !constantTimeEqual(tag, tagOf(query, body)))
        throw new DomainError('invalid_cursor', { field: 'cursor' });
      return JSON.parse(Buffer.from(body, 'base64url').toString()) as string[];
    },
  };
}
