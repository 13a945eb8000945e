/** Access to the console: operators whose sign-in is recent enough. */
import type { Context } from 'koa';
import type { Config } from '../../config/index.ts';
import { epochSeconds } from '../../core/clock.ts';
import type { User } from '../../domain/users/index.ts';
import type { CurrentSession } from '../../oidc/sessions/browser-session.ts';
import type { PageDependencies } from '../pages/dependencies.ts';
import { seeOther } from '../pages/replies.ts';
import { createSealedCookie } from '../pages/sealed-cookie.ts';
import { ACR_ONE_FACTOR } from '../pages/sign-in.ts';

export type GuardDependencies = Pick<PageDependencies, 'sessions' | 'mfa' | 'clock' | 'secrets'> & {
  config: Pick<Config, 'publicUrl' | 'console' | 'production'>;
};

/** The signed-in person as seen by the console. `lacks`: a second factor that they still have to set up. */
export interface Entered {
  user: User;
  session: CurrentSession;
  lacks: boolean;
}

/** The page that shows a form again after its sender has signed in. */
export const CONTINUE = '/admin/continue';

/** A posted form, kept while its sender signs in again. It contains no secret. */
interface KeptForm {
  accountId: string;
  action: string;
  /** As application/x-www-form-urlencoded. */
  body: string;
}

export type Fields = Readonly<Record<string, string | readonly string[]>>;

const SECRET = /password|secret|token|csrf|code/i;
/** Maximum characters of a form in a cookie. */
const MAX_FORM_LENGTH = 2_000;
const DAY = 86_400;
/** Seconds that a form is kept. */
const KEPT = 900;
/** Seconds between two updates of the time of last activity. */
const NOTED_EVERY = 60;

const entriesOf = (fields: Fields): [string, string][] =>
  Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().map((one): [string, string] => [name, one]),
  );

export function createGuard({ sessions, mfa, clock, secrets, config }: GuardDependencies) {
  const base = { publicUrl: config.publicUrl, secrets, clock };
  /** Time of last activity, in seconds since the epoch. */
  const seen = createSealedCookie<{ accountId: string; session: string; at: number }>({
    ...base,
    name: 'postern_console',
    ttl: 30 * DAY,
  });
  const forms = createSealedCookie<KeptForm>({ ...base, name: 'postern_console_form', ttl: KEPT });

  const signIn = (ctx: Context, next: string) =>
    seeOther(ctx, `/sign-in?${new URLSearchParams({ next }).toString()}`);

  /** Sends the browser to sign in and come back; a posted form is kept. @param page the page of the form */
  function signInAgain(ctx: Context, fields: Fields | null, page: string): void {
    if (fields === null) return signIn(ctx, ctx.url);
    const accountId = seen.read(ctx, '/admin')?.accountId;
    const kept = entriesOf(fields).filter(([name]) => !SECRET.test(name));
    const body = new URLSearchParams(kept).toString();
    if (accountId === undefined || body.length > MAX_FORM_LENGTH) return signIn(ctx, page);
    forms.set(ctx, '/admin', { accountId, action: ctx.path, body });
    return signIn(ctx, CONTINUE);
  }

  /** Whether a sign-in counts for the console: its lifetime and idle timeout are shorter than the session's. */
  function counts(ctx: Context, { uid, authTime, accountId }: CurrentSession): boolean {
    const now = epochSeconds(clock);
    const last = seen.read(ctx, '/admin');
    const at = last?.session === uid && last.accountId === accountId ? Math.max(last.at, authTime) : authTime;
    return now - authTime < config.console.lifetime && now - at < config.console.idle;
  }

  function note(ctx: Context, { uid, accountId }: CurrentSession): void {
    const now = epochSeconds(clock);
    const last = seen.read(ctx, '/admin');
    if (last?.session === uid && last.accountId === accountId && now - last.at < NOTED_EVERY) return;
    seen.set(ctx, '/admin', { accountId, session: uid, at: now });
  }

  return {
    /**
     * Identifies the operator, or sends the browser to sign in (again). @param options.fields the posted form, if it
     * may be kept. @param options.quiet whether the request does not count as activity @returns null when the request
     * is answered.
     */
    async enter(
      ctx: Context,
      options: { fresh: boolean; quiet: boolean; fields: Fields | null; page: string },
    ): Promise<Entered | null> {
      const { fresh, quiet, fields, page } = options;
      const again = () => {
        signInAgain(ctx, fields, page);
        return null;
      };
      const owner = await sessions.owner(ctx.req, ctx.res);
      if (!owner || owner.user.status !== 'active' || (await mfa.lacksRequired(owner.user))) return again();
      const { session, user } = owner;
      if (!counts(ctx, session)) return again();
      const isWeak = (config.console.secondFactor ?? config.production) && session.acr === ACR_ONE_FACTOR;
      if (isWeak) {
        const { totp, passkeys } = await mfa.status(user.id);
        if (totp.length + passkeys.length > 0) return again();
      }
      if (fresh && (await mfa.lacking(user.id, session))) return again();
      if (!quiet) note(ctx, session);
      return { user, session, lacks: isWeak };
    },

    /** The kept form of this person, shown once. */
    takeForm(ctx: Context, accountId: string): { action: string; fields: [string, string][] } | null {
      const kept = forms.read(ctx, '/admin');
      if (!kept) return null;
      forms.clear(ctx, '/admin');
      if (kept.accountId !== accountId) return null;
      return { action: kept.action, fields: [...new URLSearchParams(kept.body)] };
    },
  };
}

export type Guard = ReturnType<typeof createGuard>;
