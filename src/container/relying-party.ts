import type { OutboundFetch } from '../oidc/outbound/fetch.ts';
import type { RelyingParty } from '../upstream/relying-party.ts';
import type { Core } from './core.ts';

/**
 * The relying party for identity providers. Created with its first use, because many servers have no provider.
 */
export function createLazyRelyingParty({ config, clock }: Core, fetch: OutboundFetch): RelyingParty {
  let party: Promise<RelyingParty> | undefined;
  const open = async (): Promise<RelyingParty> => {
    const { createRelyingParty } = await import('../upstream/relying-party.ts');
    return createRelyingParty({ publicUrl: config.publicUrl, fetch, clock });
  };
  return {
    begin: async (...args) => (await (party ??= open())).begin(...args),
    probe: async (...args) => (await (party ??= open())).probe(...args),
    finish: async (...args) => (await (party ??= open())).finish(...args),
  };
}
