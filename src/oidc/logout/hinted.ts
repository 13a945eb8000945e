import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { AccountSessions } from '../../domain/sessions.ts';
import { requestActor } from '../actor.ts';
import type { ProviderPages } from '../configuration.ts';
import { cookieSettings } from '../cookies.ts';
import { grantOfIdToken } from '../tokens/id-token-claims.ts';
import { createSubjects, type SubjectDependencies } from '../tokens/subjects.ts';
import { frontChannelLogoutUris } from './front-channel.ts';
import type { Extension } from '../overrides/override.ts';
import { ENDPOINTS } from '../endpoints.ts';

interface Dependencies extends SubjectDependencies {
  accountSessions: Pick<AccountSessions, 'holderOf' | 'end'>;
  page: ProviderPages['loggedOut'];
}

interface Named {
  accountId: string;
  /** Of the session. */
  uid: string;
  /** Front-channel logout pages for this browser to load. */
  frames: string[];
}

/** Where the browser goes next: the library has checked that the client registered it. */
function continueUrlOf({ oidc }: KoaContextWithOIDC): string | undefined {
  const { post_logout_redirect_uri: uri, state } = oidc.params ?? {};
  if (typeof uri !== 'string') return undefined;
  if (typeof state !== 'string') return uri;
  const url = new URL(uri);
  url.searchParams.set('state', state);
  return url.href;
}

/**
 * A logout request whose `id_token_hint` belongs to the signed-in person needs no confirmation. One without a session, as an
 * app's server sends it, ends the session of the ID token (OpenID Connect RP-Initiated Logout 1.0 section 2). Expired ID tokens
 * are accepted. If anybody else is signed in, they are asked.
 */
function installHintedLogout(
  provider: Provider,
  { accountSessions, secrets, sourceIds, page }: Dependencies,
): void {
  const subjectOf = createSubjects({ secrets, sourceIds });
  const cookies = cookieSettings(provider.issuer, secrets);

  /** The session to end. Null without one; undefined when the person must confirm. */
  const named = async (ctx: KoaContextWithOIDC): Promise<Named | null | undefined> => {
    const { client, session, entities } = ctx.oidc;
    const { sub, jti } = entities.IdTokenHint?.payload ?? {};
    if (!client || !session || sub === undefined) return undefined;
    const isPairwise = client.subjectType === 'pairwise';
    const { accountId: present } = session;
    if (present !== undefined) {
      const known = isPairwise ? await subjectOf(ctx, present, client) : present;
      if (known !== sub) return undefined;
      const frames = await frontChannelLogoutUris(provider, session.authorizations ?? {});
      return { accountId: present, uid: session.uid, frames };
    }
    const grantId = grantOfIdToken(secrets, jti);
    const grant = grantId === undefined ? undefined : await provider.Grant.find(grantId);
    if (grantId === undefined || grant?.accountId === undefined || grant.clientId !== client.clientId)
      return null;
    const uid = await accountSessions.holderOf(grant.accountId, grantId);
    return uid === null ? null : { accountId: grant.accountId, uid, frames: [] };
  };

  const endNamed = async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    await next();
    if (ctx.status !== 200 || ctx.oidc.entities.IdTokenHint === undefined) return;
    const found = await named(ctx);
    if (found === undefined) return;
    if (found !== null) {
      const { accountId, uid } = found;
      await accountSessions.end(accountId, uid, requestActor(ctx, 'user', accountId));
    }
    ctx.cookies.set(provider.cookieName('session'), null, { ...cookies.long, overwrite: true });
    const [frames, continueUrl] = [found?.frames ?? [], continueUrlOf(ctx)];
    if (frames.length > 0 || continueUrl === undefined)
      return page(ctx, { stayed: false, frames, continueUrl });
    ctx.status = 303;
    ctx.redirect(continueUrl);
    return undefined;
  };
  provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) =>
    ctx.path === ENDPOINTS.end_session ? endNamed(ctx, next) : next(),
  );
}

export const hintedLogout: Extension<
  Omit<Dependencies, 'page'> & { pages: Pick<ProviderPages, 'loggedOut'> }
> = {
  name: 'hinted-logout',
  why: 'the library asks even if an id_token_hint names who signs out',
  install: (provider, { pages, ...dependencies }) =>
    installHintedLogout(provider, { ...dependencies, page: pages.loggedOut }),
};
