import { Provider, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import { type Override, shape } from '../overrides/override.ts';
import { ENDPOINTS } from '../endpoints.ts';

/** The `state` of a form of the library: the expected secret and its subject. */
type Session = InstanceType<Provider['Session']> & {
  state?: Record<string, unknown> | undefined;
  touched?: boolean;
};

interface Sealed {
  state: Record<string, unknown>;
  /** The session that it was made in; null when nobody was signed in. */
  uid: string | null;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

const PURPOSE = 'form-state';

/** Lifetime of a form in seconds. */
const OPEN = 3_600;

/** Requests that lack the form's token. */
const formless = new WeakSet<object>();

/** Whether a form was posted without its state, or too late. */
export const isFormless = (ctx: object): boolean => formless.has(ctx);

const { code_verification: DEVICE, end_session: LOGOUT } = ENDPOINTS;

const hasForm = ({ path }: KoaContextWithOIDC): boolean =>
  path === DEVICE || path.startsWith(`${DEVICE}/`) || path.startsWith(LOGOUT);

/**
 * Keeps the state of the library's forms in a sealed cookie bound to the session, and stores no session without a
 * sign-in. Otherwise each visitor of such a page would leave a row for a month.
 */
function installFormState(
  provider: Provider,
  { secrets, clock, publicUrl }: { secrets: Secrets; clock: Clock; publicUrl: string },
): void {
  const { Session } = provider;
  const secure = publicUrl.startsWith('https:');
  const name = secure ? '__Host-postern_form' : 'postern_form';
  const settings = {
    signed: false,
    httpOnly: true,
    sameSite: 'lax',
    path: '/',
    secure,
    overwrite: true,
  } as const;

  const uidOf = ({ accountId, uid }: Session): string | null => (accountId === undefined ? null : uid);

  const open = (ctx: KoaContextWithOIDC, session: Session): Session['state'] => {
    const cookie = ctx.cookies.get(name, { signed: false });
    if (cookie === undefined) return undefined;
    try {
      const sealed = JSON.parse(secrets.open(PURPOSE, Buffer.from(cookie, 'base64url'))) as Sealed;
      return sealed.uid === uidOf(session) && sealed.expiresAt > clock.now() ? sealed.state : undefined;
    } catch {
      // Not our cookie.
      return undefined;
    }
  };

  const keep = (ctx: KoaContextWithOIDC, session: Session): void => {
    const { state } = session;
    if (state === undefined) {
      if (ctx.cookies.get(name, { signed: false }) !== undefined) ctx.cookies.set(name, null, settings);
      return;
    }
    const sealed: Sealed = { state, uid: uidOf(session), expiresAt: clock.now() + OPEN * 1000 };
    const value = secrets.seal(PURPOSE, JSON.stringify(sealed)).toString('base64url');
    ctx.cookies.set(name, value, { ...settings, maxAge: OPEN * 1000 });
  };

  /** The library has set the session's cookie before saving it. */
  const withholdCookie = (ctx: KoaContextWithOIDC): void => {
    const cookies = [ctx.response.get('Set-Cookie')].flat().filter(Boolean);
    const kept = cookies.filter((cookie) => !cookie.startsWith(provider.cookieName('session')));
    ctx.remove('Set-Cookie');
    if (kept.length > 0) ctx.set('Set-Cookie', kept);
  };

  const { IN_PAYLOAD } = Session as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => IN_PAYLOAD.filter((part) => part !== 'state') });
  const get = Session.get.bind(Session);
  Object.assign(Session, {
    async get(ctx: KoaContextWithOIDC) {
      const session = await get(ctx);
      if (!hasForm(ctx)) return session;
      session.state = open(ctx, session);
      if (session.state === undefined) formless.add(ctx);
      return session;
    },
  });
  const { save, persist } = Session.prototype as unknown as {
    save(this: Session, ttl: number): Promise<string>;
    persist(this: Session): Promise<string>;
  };
  Object.assign(Session.prototype, {
    async save(this: Session, ttl: number) {
      const { ctx } = Provider;
      // A sign-in by another person also ends in the form that signs the former one out.
      if (ctx && (hasForm(ctx) || this.state !== undefined)) keep(ctx, this);
      if (this.accountId !== undefined) return save.call(this, ttl);
      this.touched = false;
      if (ctx) withholdCookie(ctx);
      return this.jti;
    },
    persist(this: Session) {
      return this.accountId === undefined ? this.save(0) : persist.call(this);
    },
  });
}

export const formState: Override<{ secrets: Secrets; clock: Clock; config: { publicUrl: string } }> = {
  name: 'form-state',
  why: 'the library stores a session for every visitor of a page with a form',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'Session.get',
    'Session.prototype.save',
    'Session.prototype.persist',
    'Session.IN_PAYLOAD.state',
  ),
  install: (provider, { secrets, clock, config: { publicUrl } }) =>
    installFormState(provider, { secrets, clock, publicUrl }),
};
