/** Cookies of the console: the message about the last action, and preferences. */
import type { Context } from 'koa';
import type { Message } from '../pages/i18n.ts';
import { createSealedCookie } from '../pages/sealed-cookie.ts';
import type { GuardDependencies } from './guard.ts';

/** An undo: an ordinary form, checked like any other. */
export interface Undo {
  action: string;
  fields: Readonly<Record<string, string | readonly string[]>>;
}

/** A message shown once after a form. */
export interface Note {
  message: Message;
  /** Whether the action failed. */
  failed: boolean;
  undo: Undo | null;
}

export const THEMES = ['light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export interface Preferences {
  /** Rows of a list. */
  rows: number;
  /** Whether single-key shortcuts are on (WCAG 2.2, 2.1.4). */
  keys: boolean;
  /** Null: the system's choice. */
  theme: Theme | null;
}

const DEFAULTS: Preferences = { rows: 50, keys: true, theme: null };
const YEAR = 365 * 86_400;
/** Maximum characters of a message with its undo in a cookie. */
const MAX_NOTE_LENGTH = 2_500;

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
      const isLong = JSON.stringify(note).length > MAX_NOTE_LENGTH;
      notes.set(ctx, '/admin', { ...note, ...(isLong ? { undo: null } : {}), accountId });
    },
    /** Reads and removes the message: it is shown once. */
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
