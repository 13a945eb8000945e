import { Provider } from 'oidc-provider';
import type { Secrets } from '../../core/secrets.ts';
import { grantOfIdToken } from '../tokens/id-token-claims.ts';
import { type Override, shape } from '../overrides/override.ts';

/** An interaction that keeps whom the request's `id_token_hint` names instead of the token, which is long. */
export interface HintedInteraction {
  /** The account; undefined without a hint, and for a pairwise one whose grant has ended. */
  hintedId?: string | undefined;
}

type Interaction = HintedInteraction & {
  grantId?: string | undefined;
  save(ttl: number): Promise<string>;
};

/**
 * An interaction does not end with the grant that it began under: that ends when another person signs in, which the same
 * browser may be about to do, or its other tab. It keeps what the hint of its request says.
 */
function installInteractions(provider: Provider, secrets: Secrets): void {
  const hinted = async (): Promise<string | undefined> => {
    const { client, entities } = Provider.ctx?.oidc ?? {};
    // Another step of the same request.
    const { hintedId } = (entities?.Interaction ?? {}) as HintedInteraction;
    const { sub, jti } = entities?.IdTokenHint?.payload ?? {};
    if (hintedId !== undefined) return hintedId;
    if (client?.subjectType !== 'pairwise') return typeof sub === 'string' ? sub : undefined;
    const grantId = grantOfIdToken(secrets, jti);
    return grantId === undefined ? undefined : (await provider.Grant.find(grantId))?.accountId;
  };
  const { Interaction } = provider;
  const { IN_PAYLOAD } = Interaction as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Interaction, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'hintedId'] });
  const prototype = Interaction.prototype as unknown as Interaction;
  const { save } = prototype;
  prototype.save = async function saveDetached(ttl) {
    this.grantId = undefined;
    this.hintedId ??= await hinted();
    return save.call(this, ttl);
  };
}

export const interactionHints: Override<{ secrets: Secrets }> = {
  name: 'interaction-hints',
  why: 'the library ends an interaction with the grant it began under, and keeps the whole id_token_hint in it',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Interaction.prototype.save', 'Interaction.IN_PAYLOAD.grantId'),
  install: (provider, { secrets }) => installInteractions(provider, secrets),
};
