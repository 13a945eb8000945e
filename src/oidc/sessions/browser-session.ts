import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import requests from 'oidc-provider/lib/helpers/als.js';
import type { Actor } from '../../core/actor.ts';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import type { UserRecord } from '../../storage/users.ts';
import { toUser, type User } from '../../domain/users/user.ts';
import type { LiveProvider } from '../live-provider.ts';
import type { Impersonation, View } from '../../domain/impersonation.ts';
import { frontChannelLogoutUris } from '../logout/front-channel.ts';
import { type Override, shape } from '../overrides/override.ts';
import { markView, type OperatorCookie, viewOf } from './viewing.ts';

export interface Login {
  accountId: string;
  /** RFC 8176. */
  amr: string[];
  acr: string;
  /** When the person authenticated, in seconds since the epoch. */
  authTime: number;
  /** Whether the session outlives the browser. */
  remember: boolean;
}

/** The account signed in to a browser, and its login. */
export interface CurrentSession extends Login {
  /** Constant for the lifetime of the session. */
  uid: string;
  /** The operator who views as the account; undefined for its owner's session. */
  view: View | undefined;
}

/** A session that has ended. */
export interface Ended {
  accountId: string;
  /** Front-channel logout pages for the browser to load (OpenID Connect Front-Channel Logout 1.0). */
  frames: string[];
}

/** The acr of a login by one factor. */
const ACR_ONE_FACTOR = 'urn:postern:acr:1fa';

type Session = Awaited<ReturnType<Provider['Session']['get']>>;

interface Dependencies {
  live: LiveProvider;
  cookies: NonNullable<Configuration['cookies']>;
  /** Seconds. */
  ttl: { session: number; remembered: number };
  /** Ends a grant and every token under it. */
  endGrant(grantId: string): Promise<void>;
  /** Takes the account that was read along with a session. */
  findUser(id: string): Promise<UserRecord | null>;
  impersonation: Pick<Impersonation, 'end'>;
  /** Keeps the operator's session while the browser views as somebody. */
  operatorCookie: OperatorCookie;
}

function currentOf(session: Session): CurrentSession | null {
  const { uid, accountId, amr = [], acr = '', transient } = session;
  if (accountId === undefined) return null;
  const authTime = session.authTime() ?? 0;
  return { uid, accountId, amr, acr, authTime, remember: transient !== true, view: viewOf(session) };
}

/** The provider's own session of a browser, for pages outside an authorization request: one sign-in serves both. */
export class BrowserSessions {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The account signed in to this browser, or null. */
  async current(req: IncomingMessage, res: ServerResponse): Promise<CurrentSession | null> {
    const provider = this.#deps.live.current;
    return currentOf(await provider.Session.get(provider.createContext(req, res)));
  }

  /** The same with the account, read by one statement. Null as well when there is no such account any more. */
  async owner(
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<{ session: CurrentSession; user: User } | null> {
    const provider = this.#deps.live.current;
    const ctx = provider.createContext(req, res) as KoaContextWithOIDC;
    return requests.run(ctx, async () => {
      const session = currentOf(await provider.Session.get(ctx));
      const user = session && (await this.#deps.findUser(session.accountId));
      return user && { session, user: toUser(user) };
    });
  }

  /** Whether somebody is signed in with this browser, and to the client. */
  async isSignedInTo(req: IncomingMessage, res: ServerResponse, clientId: string): Promise<boolean> {
    const provider = this.#deps.live.current;
    const session = await provider.Session.get(provider.createContext(req, res));
    return session.accountId !== undefined && session.authorizations?.[clientId]?.grantId !== undefined;
  }

  /** Ends the session of this browser if another account is signed in with it. */
  async endAnother(req: IncomingMessage, res: ServerResponse, accountId: string): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    const ctx = provider.createContext(req, res);
    const session = await provider.Session.get(ctx);
    if (viewOf(session)) await this.#forgetOperator(ctx);
    else if (session.accountId === accountId) return null;
    return this.#end(session);
  }

  /** Whether a browser may view as somebody: it must keep an operator's session. */
  mayView(req: IncomingMessage): boolean {
    return req.headers.cookie?.includes(this.#deps.operatorCookie.name) === true;
  }

  /** Lets the browser view as an account, in a session that lasts as long as the view; the operator's own session waits. */
  async beginView(
    req: IncomingMessage,
    res: ServerResponse,
    { accountId, ...view }: View & { accountId: string },
    now: number,
  ): Promise<void> {
    const { live, cookies, operatorCookie } = this.#deps;
    const provider = live.current;
    const ctx = provider.createContext(req, res);
    const before = await provider.Session.get(ctx);
    const session = new provider.Session();
    // The person has not authenticated: record the weakest login, with no method.
    session.loginAccount({ accountId, acr: ACR_ONE_FACTOR, loginTs: now, transient: true });
    Object.assign(session, { device: deviceOfRequest((name) => req.headers[name]) });
    markView(session, view);
    await session.save(view.until - now);
    operatorCookie.set(ctx, { session: before.jti, view: view.id });
    ctx.cookies.set(provider.cookieName('session'), session.jti, cookies.long);
  }

  /**
   * Ends the browser's view and restores the operator's session. @returns null when there is no view.
   */
  async endView(
    req: IncomingMessage,
    res: ServerResponse,
    actorOf: (view: View) => Actor,
  ): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    const ctx = provider.createContext(req, res);
    const session = await provider.Session.get(ctx);
    const view = viewOf(session);
    if (!view) return null;
    const ended = await this.#end(session, actorOf(view));
    // The browser finds it gone, and goes back.
    await provider.Session.get(ctx);
    return ended;
  }

  async #forgetOperator(ctx: ReturnType<Provider['createContext']>): Promise<void> {
    const { live, operatorCookie } = this.#deps;
    const kept = operatorCookie.read(ctx);
    operatorCookie.clear(ctx);
    await (kept && (await live.current.Session.find(kept.session)))?.destroy();
  }

  /**
   * Signs the browser in under a new session id. The same account keeps the grants of its apps; another one's session ends.
   * @param stands whether the login is still valid, asked once the session exists: whatever ends the account's sessions has
   *   ended this one as well, or is seen here.
   * @returns what has ended, if anything; null when the login is not valid, and nobody else was signed out.
   */
  async login(
    req: IncomingMessage,
    res: ServerResponse,
    { accountId, amr, acr, authTime, remember }: Login,
    stands: () => Promise<boolean>,
  ): Promise<{ ended: Ended | null } | null> {
    const { live, cookies, ttl } = this.#deps;
    const provider = live.current;
    const ctx = provider.createContext(req, res);
    const before = await provider.Session.get(ctx);
    const isSame = before.accountId === accountId && viewOf(before) === undefined;
    const session = isSame ? before : new provider.Session();
    if (isSame) session.resetIdentifier();
    session.loginAccount({ accountId, amr, acr, loginTs: authTime, transient: !remember });
    Object.assign(session, { device: deviceOfRequest((name) => req.headers[name]) });
    const seconds = remember ? ttl.remembered : ttl.session;
    await session.save(seconds);
    if (!(await stands())) {
      await session.destroy();
      return null;
    }
    if (viewOf(before)) await this.#forgetOperator(ctx);
    const ended = isSame ? null : await this.#end(before);
    ctx.cookies.set(provider.cookieName('session'), session.jti, {
      ...cookies.long,
      ...(remember ? { maxAge: seconds * 1000 } : {}),
    });
    return { ended };
  }

  /** What will end with the session of this browser; call it before ending it. Null when nobody is signed in. */
  async ending(req: IncomingMessage, res: ServerResponse): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    return this.#ending(await provider.Session.get(provider.createContext(req, res)));
  }

  /**
   * Signs the browser out: ends the session and the grants bound to it, but not offline access. @returns null when
   * nobody was signed in.
   */
  async logout(req: IncomingMessage, res: ServerResponse): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    const ctx = provider.createContext(req, res);
    const session = await provider.Session.get(ctx);
    const ended = await this.#end(session);
    // The browser needs it to retry until the session has ended.
    ctx.cookies.set(provider.cookieName('session'), null, this.#deps.cookies.long);
    return ended;
  }

  async #end(session: Session, actor?: Actor): Promise<Ended | null> {
    const ending = await this.#ending(session);
    if (!ending) return null;
    const { accountId } = ending;
    const { authorizations = {} } = session;
    const view = viewOf(session);
    if (view) {
      await this.#deps.impersonation.end({ id: view.id, accountId }, 'ended', actor);
      return ending;
    }
    for (const { grantId, persistsLogout } of Object.values(authorizations)) {
      if (grantId && !persistsLogout) await this.#deps.endGrant(grantId);
    }
    await session.destroy();
    return ending;
  }

  async #ending({ accountId, authorizations = {} }: Session): Promise<Ended | null> {
    if (accountId === undefined) return null;
    return { accountId, frames: await frontChannelLogoutUris(this.#deps.live.current, authorizations) };
  }
}

/** Device and network of a session, so that its owner recognises it. */
export interface SessionDevice {
  userAgent: string | null;
  ip: string | null;
}

/** The session record with Postern's own fields. */
export interface DeviceSession {
  device?: SessionDevice | undefined;
  /** Seconds since the epoch. */
  seenAt?: number | undefined;
}

/** Anything with the headers of a request: the listener has verified X-Forwarded-For. */
export const deviceOfRequest = (header: (name: string) => string | string[] | undefined): SessionDevice => ({
  userAgent: header('user-agent')?.slice(0, 512).toString() ?? null,
  ip: header('x-forwarded-for')?.toString() ?? null,
});

/** Records what sessions were used with and when: each use in an authorization request saves them anyway. */
function installSessionDevices(provider: Provider, clock: Clock): void {
  const { Session } = provider;
  const { IN_PAYLOAD } = Session as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'device', 'seenAt'] });
  const { save } = Session.prototype as unknown as {
    save(this: DeviceSession, ttl: number): Promise<string>;
  };
  Object.assign(Session.prototype, {
    async save(this: DeviceSession, ttl: number) {
      const ctx = Provider.ctx;
      if (ctx) this.device = deviceOfRequest((name) => ctx.req.headers[name]);
      this.seenAt = epochSeconds(clock);
      return save.call(this, ttl);
    },
  });
}

export const sessionDevices: Override<{ clock: Clock }> = {
  name: 'session-devices',
  why: 'the library does not keep what a session was used with',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Session.prototype.save', 'Session.IN_PAYLOAD.accountId'),
  install: (provider, { clock }) => installSessionDevices(provider, clock),
};

type ChangingSession = InstanceType<Provider['Session']> & { oldId?: string | undefined };

/** The requests whose session has been saved, under the id in its cookie. */
const saved = new WeakSet<object>();

/** Whether the request has saved its session: else the cookie that it set names none. */
export const isSessionSaved = (ctx: object): boolean => saved.has(ctx);

/**
 * Saves a session whose id is renewed at login under the new id before the old one ends. The library does it the other way
 * round; a refresh token bound to the session would find none in between.
 */
function installSessionRenewal(provider: Provider): void {
  const { save } = provider.Session.prototype as unknown as {
    save(this: ChangingSession, ttl: number): Promise<string>;
  };
  Object.assign(provider.Session.prototype, {
    async save(this: ChangingSession, ttl: number) {
      const { oldId } = this;
      this.oldId = undefined;
      const id = await save.call(this, ttl);
      const { ctx } = Provider;
      if (ctx) saved.add(ctx);
      if (oldId !== undefined) await provider.Session.adapter.destroy(oldId);
      return id;
    },
  });
}

export const sessionRenewal: Override<unknown> = {
  name: 'session-renewal',
  why: 'the library ends the old session before it has stored the new one',
  provenFor: '9.13.x',
  upstream: null,
  check(provider) {
    shape('Session.prototype.save', 'Session.prototype.resetIdentifier', 'Session.adapter.destroy')(provider);
    // Don't construct a model here: with the first instance the library caches the stored fields, and later overrides
    // have no effect.
    const session = Object.create(provider.Session.prototype) as ChangingSession;
    session.jti = 'before';
    session.resetIdentifier();
    if (session.oldId !== 'before')
      throw new Error('Session.prototype.resetIdentifier does not keep oldId any more');
  },
  install: installSessionRenewal,
};
