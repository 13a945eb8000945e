import type { Context } from 'koa';
import type { Clock } from '../../core/clock.ts';
import { randomToken } from '../../core/ids.ts';
import { markFailed, isAnswer } from '../../core/replies.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { Problem } from './problems.ts';
import { refused, seeOther, withParameter } from './replies.ts';
import { createSealedCookie } from './sealed-cookie.ts';

/** The result of a posted form, for the page that shows it. */
export interface Flash {
  /** Problems with the form; empty without one. */
  problems: readonly Problem[];
  /** Typed values or results by field. Never a password. */
  values: Readonly<Record<string, string>>;
}

/** A result with the status of the reply that shows it. `retryAfter` is in seconds. */
export type Left = Partial<Flash> & { status?: number; retryAfter?: number | undefined };

/**
 * Post/redirect/get: a form is answered by a redirect to a page, so that reloading or going back sends nothing again. The
 * browser keeps the page's messages in a sealed cookie.
 */
export interface Flashes {
  /** Answers a posted form: redirects to `page` (a path with its query, at or above the form's own path). */
  leave(ctx: Context, page: string, left: Left): void;
  /** Does the same without answering. @returns the URL to send the browser to. */
  keep(ctx: Context, page: string, left: Left): string;
  /** Reads the result of the last form, also after a reload, and sets its status on the reply. */
  read(ctx: Context): Flash;
}

/** Seconds: enough to read mail, or to write down recovery codes. */
const KEPT = 600;

/** Maximum earlier cookies of one page, for browsers that never follow the redirect. */
const MAX_COOKIES = 4;

/** Maximum bytes. Browsers limit cookies to 4 kB. Longer input is not filled in again. */
const MAX_BYTES = 2000;

const NAME = 'postern_flash_';
const FOUND = new RegExp(`${NAME}([\\w-]{16})=`, 'g');
const PARAMETER = 'flash';
/** Milliseconds of its creation (base 36, the same length until the year 2059), and random characters. */
const KEY = /^[\w-]{16}$/;
const newKey = (now: number): string => now.toString(36) + randomToken(6);
const NOTHING: Flash = { problems: [], values: {} };

/** @param publicUrl over https its cookies are Secure. */
export function createFlashes(deps: { publicUrl: string; secrets: Secrets; clock: Clock }): Flashes {
  // One key per posted form, so that tabs do not interfere.
  const cookie = (key: string) =>
    createSealedCookie<Left & { owner: string | undefined }>({ ...deps, name: `${NAME}${key}`, ttl: KEPT });
  const ownerOf = (ctx: Context) => (ctx.state['user'] as { id: string } | undefined)?.id;

  const keep: Flashes['keep'] = (ctx, page, left) => {
    const [path = '/'] = page.split('?');
    const kept = [...ctx.get('Cookie').matchAll(FOUND)].map(([, key = '']) => key).toSorted();
    for (const key of kept.slice(0, Math.max(0, kept.length - MAX_COOKIES))) cookie(key).clear(ctx, path);
    const key = newKey(deps.clock.now());
    const { values: _, ...bare } = left;
    const isLong = Buffer.byteLength(JSON.stringify(left)) > MAX_BYTES;
    cookie(key).set(ctx, path, { ...(isLong ? bare : left), owner: ownerOf(ctx) });
    if (left.status !== undefined && !isAnswer(left.status)) markFailed(ctx.res);
    return withParameter(page, PARAMETER, key);
  };

  return {
    keep,
    leave: (ctx, page, left) => seeOther(ctx, keep(ctx, page, left)),

    read(ctx) {
      const key = ctx.query[PARAMETER];
      if (typeof key !== 'string' || !KEY.test(key)) return NOTHING;
      if (ctx.get('Cookie') === '')
        return { ...NOTHING, problems: [{ field: null, message: 'problem.cookies' }] };
      const left = cookie(key).read(ctx, ctx.path);
      const user = ownerOf(ctx);
      // Don't show one person's input to the next person in this browser.
      if (!left || (user !== undefined && left.owner !== undefined && left.owner !== user)) return NOTHING;
      const { problems = [], values = {}, status, retryAfter } = left;
      if (status !== undefined) refused(ctx, { status, retryAfter });
      return { problems, values };
    },
  };
}
