/** What the browser keeps for the console: what was done just now, and how its owner likes it. */
import type { Context } from 'koa';
import type { Message } from '../pages/i18n.ts';
import { createSealedCookie } from '../pages/sealed-cookie.ts';
import type { GuardDependencies } from './guard.ts';

/** What takes something back: a form like any other, checked as such. */
export interface Undo {
  action: string;
  fields: Readonly<Record<string, string>>;
}

/** What a page says once after a form. */
export interface Note {
  message: Message;
  /** Whether it did not work. */
  failed: boolean;
  undo: Undo | null;
}

export const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface Preferences {
  /** Rows of a list. */
  rows: number;
  /** Whether single keys do something (WCAG 2.2, 2.1.4). */
  keys: boolean;
  /** Null: as the system has it. */
  theme: Theme | null;
}

const DEFAULTS: Preferences = { rows: 50, keys: true, theme: null };
const YEAR = 365 * 86_400;
/** Characters of a note with its undo that a cookie has room for. */
const LONGEST = 2_500;

export function createNotes({ config, secrets, clock }: GuardDependencies) {
  const base = { publicUrl: config.publicUrl, secrets, clock };
  const notes = createSealedCookie<Note & { accountId: string }>({
    ...base,
    name: 'postern_console_note',
    ttl: 300,
  });
  const preferences = createSealedCookie<Preferences & { accountId: string }>({
    ...base,
    name: 'postern_console_likes',
    ttl: YEAR,
  });
  return {
    leave(ctx: Context, accountId: string, note: Note): void {
      const isLong = JSON.stringify(note).length > LONGEST;
      notes.set(ctx, '/admin', { ...note, ...(isLong ? { undo: null } : {}), accountId });
    },
    /** The note that was left, once. */
    take(ctx: Context, accountId: string): Note | null {
      const note = notes.read(ctx, '/admin');
      if (!note) return null;
      notes.clear(ctx, '/admin');
      return note.accountId === accountId ? note : null;
    },
    preferences(ctx: Context, accountId: string): Preferences {
      const found = preferences.read(ctx, '/admin');
      return found?.accountId === accountId ? { ...DEFAULTS, ...found } : DEFAULTS;
    },
    prefer(ctx: Context, accountId: string, changes: Partial<Preferences>): void {
      const { rows, keys, theme } = { ...this.preferences(ctx, accountId), ...changes };
      preferences.set(ctx, '/admin', { rows, keys, theme, accountId });
    },
  };
}

export type Notes = ReturnType<typeof createNotes>;
