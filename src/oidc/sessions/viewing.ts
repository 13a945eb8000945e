import type { Provider } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { Impersonation, View } from '../../domain/impersonation.ts';
import { cookieSettings, csrfCookieName } from '../cookies.ts';
import { type Override, shape } from '../overrides/override.ts';

type Session = InstanceType<Provider['Session']>;
type Grant = InstanceType<Provider['Grant']>;

/** A session or grant of an operator who views as its account; undefined for the person's own. */
export const viewOf = (record: object | undefined): View | undefined =>
  record && 'view' in record ? (record.view as View | undefined) : undefined;

/** Marks a session or grant as an operator's who views as its account. */
export const markView = (record: object, view: View): void => {
  Object.assign(record, { view });
};

/** Who acts (RFC 8693 section 4.1), in every token under a grant of a view. */
export const actOfView = (grant: object | undefined): { sub: string } | undefined => {
  const view = viewOf(grant);
  return view && { sub: view.operator };
};

/** `seconds`, but not beyond the end of the view. */
export function withinView(record: object | undefined, seconds: number, clock: Clock): number {
  const view = viewOf(record);
  return view ? Math.max(1, Math.min(seconds, view.until - epochSeconds(clock))) : seconds;
}

const PURPOSE = 'operator-session';

/** The id of the operator's session, and the view during which it waits. */
interface Kept {
  session: string;
  view: string;
}

/** The operator's session to return to, kept by the browser during a view. */
export interface OperatorCookie {
  name: string;
  set(ctx: object, kept: Kept): void;
  /** Undefined when nothing valid is kept. */
  read(ctx: object): Kept | undefined;
  /** The form tokens of the browser, which end with it. */
  clear(ctx: object): void;
}

interface Cookies {
  get(name: string, options: object): string | undefined;
  set(name: string, value: string | null, options: object): void;
}

/** Anything with the cookies of a request: the library's context, or one made for a page. */
const cookiesOf = (ctx: object): Cookies => {
  const { oidc, cookies } = ctx as { oidc?: { cookies: Cookies }; cookies: Cookies };
  return oidc?.cookies ?? cookies;
};

/** Encrypted, HttpOnly, SameSite=Lax; gone with the browser. */
export function createOperatorCookie(publicUrl: string, secrets: Secrets): OperatorCookie {
  const secure = publicUrl.startsWith('https:');
  const name = secure ? '__Host-postern_operator' : 'postern_operator';
  const options = { signed: false, httpOnly: true, sameSite: 'lax', secure, path: '/' } as const;
  const put = (ctx: object, value: string | null): void => {
    const cookies = cookiesOf(ctx);
    // TLS may end at an untrusted proxy, so go by the public URL.
    Object.assign(cookies, { secure });
    cookies.set(name, value, options);
  };
  return {
    name,
    set: (ctx, kept) => put(ctx, secrets.seal(PURPOSE, JSON.stringify(kept)).toString('base64url')),
    read(ctx) {
      const value = cookiesOf(ctx).get(name, { signed: false });
      if (value === undefined) return undefined;
      try {
        return JSON.parse(secrets.open(PURPOSE, Buffer.from(value, 'base64url'))) as Kept;
      } catch {
        return undefined;
      }
    },
    clear(ctx) {
      put(ctx, null);
      cookiesOf(ctx).set(csrfCookieName(publicUrl), null, options);
    },
  };
}

export interface ViewingDependencies {
  config: { publicUrl: string };
  secrets: Secrets;
  impersonation: Pick<Impersonation, 'over' | 'end'>;
}

/**
 * Checks at each use of a view's session or grant whether the view is still active. When it has ended, the browser gets the
 * operator's session back, unless somebody has signed in meanwhile.
 */
function installViewing(provider: Provider, { config, secrets, impersonation }: ViewingDependencies): void {
  const cookie = createOperatorCookie(config.publicUrl, secrets);
  for (const Model of [provider.Session, provider.Grant]) {
    const { IN_PAYLOAD } = Model as unknown as { IN_PAYLOAD: string[] };
    Object.defineProperty(Model, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'view'] });
  }
  const { Session, Grant } = provider;
  const get = Session.get.bind(Session) as (ctx: object) => Promise<Session>;
  const findGrant = Grant.find.bind(Grant) as (...args: unknown[]) => Promise<Grant | undefined>;
  const { long } = cookieSettings(config.publicUrl, secrets);
  const findSession = ({ session }: Kept) => Session.find(session);

  /** The session after a view: the operator's, or an empty one in its place. */
  async function goBack(ctx: object, kept: Kept | undefined): Promise<Session> {
    cookie.clear(ctx);
    const found = kept && (await findSession(kept));
    if (found === undefined || viewOf(found) !== undefined)
      return (Session as unknown as { instantiate(payload: object): Session }).instantiate({});
    const maxAge = found.transient === true ? {} : { maxAge: found.remainingTTL * 1000 };
    cookiesOf(ctx).set(provider.cookieName('session'), found.jti, { ...long, ...maxAge });
    return found;
  }

  /** Somebody has signed in during the view: drop the operator's session. */
  async function forget(ctx: object, kept: Kept | undefined, session: Session): Promise<Session> {
    cookie.clear(ctx);
    if (kept && kept.session !== session.jti) await (await findSession(kept))?.destroy();
    return session;
  }

  Object.assign(Session, {
    async get(ctx: object) {
      const session = await get(ctx);
      const view = viewOf(session);
      const kept = cookie.read(ctx);
      const id = view?.id ?? kept?.view;
      if (id === undefined) return session;
      const why = await impersonation.over(id);
      if (view && why === null) return session;
      await impersonation.end({ id, accountId: view && session.accountId }, why ?? 'signed_out');
      const isAnother = !view && session.accountId !== undefined;
      const back = isAnother ? await forget(ctx, kept, session) : await goBack(ctx, kept);
      (ctx as { oidc?: { entity(name: string, value: object): void } }).oidc?.entity('Session', back);
      return back;
    },
  });

  Object.assign(Grant, {
    async find(...args: unknown[]) {
      const grant = await findGrant(...args);
      const view = viewOf(grant);
      return view && (await impersonation.over(view.id)) ? undefined : grant;
    },
  });
}

export const viewing: Override<ViewingDependencies> = {
  name: 'viewing',
  why: 'the library has no session in which somebody acts for another account',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'Session.get',
    'Session.find',
    'Session.IN_PAYLOAD.accountId',
    'Grant.find',
    'Grant.IN_PAYLOAD.accountId',
  ),
  install: installViewing,
};
