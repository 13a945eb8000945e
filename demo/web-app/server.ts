/**
 * A web app: people sign in to it through Postern. It has a server, so it is a confidential client (RFC 6749 section
 * 2.1) and its tokens never get to the browser, which has a session cookie and nothing else.
 * `openid-client` speaks the protocol; what is below, an app writes itself.
 */
import Router from '@koa/router';
import Koa from 'koa';
import * as oidc from 'openid-client';
import { listen, type Listening } from '../shared/listen.ts';
import { stylesheet } from '../shared/stylesheet.ts';
import { homePage, problemPage } from './pages.ts';
import { Sessions } from './sessions.ts';

export interface WebAppOptions {
  issuer: string;
  clientId: string;
  clientSecret: string;
  port: number;
}

/** What a link to /login may say about the sign-in it wants. */
const PARAMETERS = ['prompt', 'login_hint', 'max_age', 'ui_locales', 'claims'];

export async function startWebApp({
  issuer,
  clientId,
  clientSecret,
  port,
}: WebAppOptions): Promise<Listening> {
  const origin = `http://localhost:${port}`;
  const sessions = new Sessions();
  const router = new Router();

  // Reads the provider's discovery document. Plain http is for an issuer on this machine alone.
  const provider = await oidc.discovery(
    new URL(issuer),
    clientId,
    undefined,
    oidc.ClientSecretBasic(clientSecret),
    issuer.startsWith('http:') ? { execute: [oidc.allowInsecureRequests] } : {},
  );

  // 1. Send the browser to the provider. What the answer must match stays here, in the session.
  router.get('/login', async (ctx) => {
    const codeVerifier = oidc.randomPKCECodeVerifier();
    const state = oidc.randomState();
    const nonce = oidc.randomNonce();
    const wanted = PARAMETERS.flatMap((name) => (ctx.query[name] ? [[name, String(ctx.query[name])]] : []));
    const maxAge = ctx.query['max_age'] ? Number(ctx.query['max_age']) : undefined;
    sessions.of(ctx).expected.set(state, { codeVerifier, nonce, maxAge });
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: `${origin}/callback`,
      scope: 'openid profile email',
      code_challenge: await oidc.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...Object.fromEntries(wanted),
    });
    ctx.redirect(url.href);
  });

  // 2. The browser comes back with a code: redeem it, and ask who it is.
  router.get('/callback', async (ctx) => {
    const state = String(ctx.query['state']);
    const expected = sessions.of(ctx).expected.get(state);
    if (!expected) return ctx.redirect('/');
    sessions.of(ctx).expected.delete(state);
    const tokens = await oidc.authorizationCodeGrant(provider, new URL(ctx.url, origin), {
      pkceCodeVerifier: expected.codeVerifier,
      expectedState: state,
      expectedNonce: expected.nonce,
      idTokenExpected: true,
      ...(expected.maxAge === undefined ? {} : { maxAge: expected.maxAge }),
    });
    const claims = tokens.claims();
    if (!claims) throw new Error('no ID token');
    const profile = await oidc.fetchUserInfo(provider, tokens.access_token, claims.sub);
    // A new session id for whoever is now signed in: one that was planted before is worth nothing.
    sessions.renew(ctx).signedIn = { tokens, claims, profile, refreshes: 0 };
    return ctx.redirect('/');
  });

  // 3. New tokens, before the access token expires. The refresh token is another one each time: keep the latest.
  router.post('/refresh', async (ctx) => {
    const { signedIn } = sessions.of(ctx);
    if (!signedIn?.tokens.refresh_token) return ctx.redirect('/');
    const tokens = await oidc.refreshTokenGrant(provider, signedIn.tokens.refresh_token);
    signedIn.tokens = { ...signedIn.tokens, ...tokens };
    signedIn.refreshes += 1;
    signedIn.profile = await oidc.fetchUserInfo(provider, tokens.access_token, signedIn.claims.sub);
    return ctx.redirect('/');
  });

  // 4. Sign out here, then at the provider, which asks and sends the browser back (RP-Initiated Logout 1.0).
  router.post('/logout', (ctx) => {
    const { signedIn } = sessions.of(ctx);
    sessions.end(ctx);
    const url = oidc.buildEndSessionUrl(provider, {
      post_logout_redirect_uri: `${origin}/`,
      ...(signedIn?.tokens.id_token === undefined ? {} : { id_token_hint: signedIn.tokens.id_token }),
    });
    ctx.redirect(url.href);
  });

  router.get('/', (ctx) => {
    ctx.body = homePage(sessions.of(ctx).signedIn);
  });

  const app = new Koa();
  app.use(async (ctx, next) => {
    ctx.set({
      'Cache-Control': 'no-store',
      'Content-Security-Policy': `default-src 'none'; style-src 'self'; img-src data:; form-action 'self' ${issuer}; frame-ancestors 'none'; base-uri 'none'`,
    });
    try {
      await next();
    } catch (error) {
      // The provider said no: the person did not want to, or what this app holds has ended.
      if (error instanceof oidc.ResponseBodyError && error.error === 'invalid_grant') sessions.end(ctx);
      else if (!(error instanceof oidc.AuthorizationResponseError)) throw error;
      ctx.status = 403;
      ctx.body = problemPage(error.error, error.error_description);
    }
  });
  app.use(stylesheet);
  app.use(router.routes());
  return listen(app, port);
}
