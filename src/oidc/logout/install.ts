import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ExtraClientProperties } from '../clients/names.ts';
import type { ProviderPages } from '../configuration.ts';
import { ENDPOINTS } from '../endpoints.ts';
import { frontChannelLogoutUris } from './front-channel.ts';
import { type Override, shape } from '../overrides/override.ts';

type Client = NonNullable<Awaited<ReturnType<Provider['Client']['find']>>>;

const CONFIRM = `${ENDPOINTS.end_session}/confirm`;

/** Leaves the back channel to the outbox, and adds the front channel to the reply that ends a session. */
function installLogout(provider: Provider, page: ProviderPages['loggedOut']): void {
  Object.assign(provider.Client.prototype, {
    // The statement that ended the session queued the notice.
    backchannelLogout: async () => undefined,
    includeSid(this: Client & ExtraClientProperties) {
      return (
        (this.backchannelLogoutUri !== undefined && this.backchannelLogoutSessionRequired === true) ||
        (this.frontchannel_logout_uri !== undefined && this.frontchannel_logout_session_required === true)
      );
    },
  });
  const showLoggedOut = async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    // Read the session before it ends: the library keeps nothing of it.
    const { authorizations = {}, state } = await provider.Session.get(
      provider.createContext(ctx.req, ctx.res),
    );
    await next();
    if (ctx.status !== 303) return;
    const stayed = !ctx.oidc.params?.['logout'];
    const one = (state as { clientId?: string } | undefined)?.clientId;
    const left = Object.entries(authorizations).filter(([clientId]) => !stayed || clientId === one);
    const frames = await frontChannelLogoutUris(provider, Object.fromEntries(left));
    if (frames.length === 0) return;
    const location = ctx.response.get('Location');
    const isOurs = location.startsWith(ctx.oidc.urlFor('end_session_success'));
    ctx.remove('Location');
    ctx.status = 200;
    await page(ctx, { stayed, frames, continueUrl: isOurs ? undefined : location });
  };
  provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) =>
    ctx.path === CONFIRM && ctx.method === 'POST' ? showLoggedOut(ctx, next) : next(),
  );
}

export const logout: Override<{ pages: Pick<ProviderPages, 'loggedOut'> }> = {
  name: 'logout',
  why: 'the library posts logout tokens once, while the person waits, and has no front channel',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Client.prototype.backchannelLogout', 'Client.prototype.includeSid', 'Session.get'),
  install: (provider, { pages }) => installLogout(provider, pages.loggedOut),
};
