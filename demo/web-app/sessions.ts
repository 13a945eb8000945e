import { randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import type { IDToken, TokenEndpointResponse, UserInfoResponse } from 'openid-client';

/** Who is signed in, and what the app holds for them. */
export interface SignedIn {
  tokens: TokenEndpointResponse;
  /** Of the ID token: that they signed in, when and how. */
  claims: IDToken;
  /** From the userinfo endpoint: who they are. */
  profile: UserInfoResponse;
  refreshes: number;
}

interface Session {
  /** Sign-ins under way, by `state`: each tab may have one. */
  expected: Map<string, { codeVerifier: string; nonce: string; maxAge: number | undefined }>;
  signedIn?: SignedIn;
}

const COOKIE = 'web_app_session';

/** Sessions in memory; a real app keeps them in its database. The cookie holds a random id only. */
export class Sessions {
  readonly #sessions = new Map<string, Session>();

  /** The session of this browser, a new one if it has none. */
  of(ctx: Context): Session {
    return this.#sessions.get(ctx.cookies.get(COOKIE) ?? '') ?? this.renew(ctx);
  }

  /** A new session under a new id, in the place of the one before. */
  renew(ctx: Context): Session {
    this.end(ctx);
    const id = randomBytes(32).toString('base64url');
    const session: Session = { expected: new Map() };
    this.#sessions.set(id, session);
    // SameSite=Lax keeps the cookie off the forms that other sites post here.
    ctx.cookies.set(COOKIE, id, { httpOnly: true, sameSite: 'lax', overwrite: true });
    return session;
  }

  end(ctx: Context): void {
    this.#sessions.delete(ctx.cookies.get(COOKIE) ?? '');
    ctx.cookies.set(COOKIE, null, { overwrite: true });
  }
}
