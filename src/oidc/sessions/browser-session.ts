import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Configuration, Provider } from 'oidc-provider';
import type { LiveProvider } from '../live-provider.ts';
import { frontChannelLogoutUris } from '../logout/front-channel.ts';
import { deviceOfRequest } from './device.ts';

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
}

/** A session that has ended. */
export interface Ended {
  accountId: string;
  /** Front-channel logout pages for the browser to load (OpenID Connect Front-Channel Logout 1.0). */
  frames: string[];
}

type Session = Awaited<ReturnType<Provider['Session']['get']>>;

interface Dependencies {
  live: LiveProvider;
  cookies: NonNullable<Configuration['cookies']>;
  /** Seconds. */
  ttl: { session: number; remembered: number };
  /** Ends a grant and every token under it. */
  endGrant(grantId: string): Promise<void>;
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
    const session = await provider.Session.get(provider.createContext(req, res));
    const { uid, accountId, amr = [], acr = '', transient } = session;
    if (accountId === undefined) return null;
    return { uid, accountId, amr, acr, authTime: session.authTime() ?? 0, remember: transient !== true };
  }

  /** Whether somebody is signed in with this browser, and to the client as well. */
  async isSignedInTo(req: IncomingMessage, res: ServerResponse, clientId: string): Promise<boolean> {
    const provider = this.#deps.live.current;
    const session = await provider.Session.get(provider.createContext(req, res));
    return session.accountId !== undefined && session.authorizations?.[clientId]?.grantId !== undefined;
  }

  /** Ends the session of this browser if another account is signed in with it. */
  async endAnother(req: IncomingMessage, res: ServerResponse, accountId: string): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    const session = await provider.Session.get(provider.createContext(req, res));
    return session.accountId === accountId ? null : this.#end(session);
  }

  /**
   * Signs the browser in under a new session id. The same account keeps what its apps hold; another one's session
   * ends first.
   * @param stands whether the login still stands, asked once the session is there: what ends the account's sessions has
   *   ended this one as well, or is seen here.
   * @returns whether it did; else the browser is not signed in.
   */
  async login(
    req: IncomingMessage,
    res: ServerResponse,
    { accountId, amr, acr, authTime, remember }: Login,
    stands: () => Promise<boolean>,
  ): Promise<boolean> {
    const { live, cookies, ttl } = this.#deps;
    const provider = live.current;
    const ctx = provider.createContext(req, res);
    const before = await provider.Session.get(ctx);
    const isSame = before.accountId === accountId;
    if (!isSame) await this.#end(before);
    const session = isSame ? before : new provider.Session();
    if (isSame) session.resetIdentifier();
    session.loginAccount({ accountId, amr, acr, loginTs: authTime, transient: !remember });
    Object.assign(session, { device: deviceOfRequest((name) => req.headers[name]) });
    const seconds = remember ? ttl.remembered : ttl.session;
    await session.save(seconds);
    if (!(await stands())) {
      await session.destroy();
      return false;
    }
    ctx.cookies.set(provider.cookieName('session'), session.jti, {
      ...cookies.long,
      ...(remember ? { maxAge: seconds * 1000 } : {}),
    });
    return true;
  }

  /**
   * Signs the browser out: the session ends, and what apps hold because of it; not what they were given for the time
   * when the person is away (`offline_access`).
   * @returns null when nobody was signed in.
   */
  async logout(req: IncomingMessage, res: ServerResponse): Promise<Ended | null> {
    const provider = this.#deps.live.current;
    const ctx = provider.createContext(req, res);
    const session = await provider.Session.get(ctx);
    const ended = await this.#end(session);
    // The browser needs it for another try until the session has ended.
    ctx.cookies.set(provider.cookieName('session'), null, this.#deps.cookies.long);
    return ended;
  }

  async #end(session: Session): Promise<Ended | null> {
    const { accountId, authorizations = {} } = session;
    if (accountId === undefined) return null;
    for (const { grantId, persistsLogout } of Object.values(authorizations)) {
      if (grantId && !persistsLogout) await this.#deps.endGrant(grantId);
    }
    await session.destroy();
    return { accountId, frames: await frontChannelLogoutUris(this.#deps.live.current, authorizations) };
  }
}
