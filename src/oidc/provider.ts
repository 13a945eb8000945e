import { Provider } from 'oidc-provider';
import type { AccountSessions } from '../domain/sessions/index.ts';
import type { GuessLimit } from '../domain/guess-limit.ts';
import type { OpenRequests } from '../domain/open-requests.ts';
import type { Replies } from '../kernel/replies.ts';
import type { Counters } from '../storage/counters.ts';
import type { Keys } from './key-ring.ts';
import { createConfiguration, type ConfigurationDependencies } from './configuration.ts';
import { installReplayDetection } from './adapters.ts';
import type { ClientRegistry } from './clients/registry.ts';
import { installRegistration } from './clients/registration/index.ts';
import { installHashedSecrets } from './clients/secrets.ts';
import { installPings } from './ciba/pings.ts';
import { installApproval } from './device/approval.ts';
import { installDeviceLinks } from './device/feature.ts';
import { installUserCodeLimit } from './device/user-codes.ts';
import { installPolling } from './polling.ts';
import { installInteractions } from './interactions/hints.ts';
import { installCodeRedemption } from './tokens/code-redemption.ts';
import { installEvents, type ProviderEvents } from './events.ts';
import { installFormPost } from './form-post.ts';
import { installFailureReplies } from './failures.ts';
import { installJwtAccessTokens } from './tokens/jwt-access-tokens.ts';
import type { AccessTokenVerifier } from './tokens/access-token-verifier.ts';
import { installJwtBearer } from './tokens/assertions/grant.ts';
import { installTokenExchange } from './tokens/exchange/grant.ts';
import { installLoginBinding } from './interactions/login-binding.ts';
import { installIdTokenHints } from './tokens/id-token-hints.ts';
import { installIdTokenClaims } from './tokens/id-token-claims.ts';
import { installOpenRequests } from './open-requests.ts';
import { installPostedRequests } from './posted-requests.ts';
import { installQueryRefusal } from './query-secrets.ts';
import { installClockGuard } from './clock-guard.ts';
import { installRedemption } from './redemption.ts';
import { installResumption } from './resumption.ts';
import { sessionLifetime } from './tokens/lifetimes.ts';
import { installRefusals } from './refusals/install.ts';
import { installRefreshRotation } from './tokens/refresh-rotation.ts';
import { installUserinfoTokens } from './tokens/userinfo-tokens.ts';
import { installUnauthorizedClient } from './unauthorized-client.ts';
import { installHintedLogout } from './logout/hinted.ts';
import { installLogout } from './logout/install.ts';
import { installSessionDevices } from './sessions/device.ts';
import { installFormState } from './sessions/form-state.ts';
import { installSessionRenewal } from './sessions/renewal.ts';
import { SigningKey } from './signing-key.ts';

export interface ProviderDependencies extends ConfigurationDependencies {
  clients: ClientRegistry;
  /** The hashes of all secrets of a client that count. */
  clientSecrets(clientId: string): Promise<string[]>;
  verifier: AccessTokenVerifier;
  events: ProviderEvents;
  revokeToken(jti: string, expiresAt: number): Promise<void>;
  isUnavailable(error: unknown): boolean;
  counters: Counters;
  guessLimit: GuessLimit;
  openRequests: OpenRequests;
  replies: Replies;
  accountSessions: Pick<AccountSessions, 'holderOf' | 'end'>;
}

/** A provider that signs with `keys`, with everything installed that the library leaves to its host. */
export function createProvider(deps: ProviderDependencies, keys: Keys): Provider {
  const provider = new Provider(
    deps.config.publicUrl,
    createConfiguration(deps, { keys: keys.jwks.map((jwk) => new SigningKey(jwk, deps.clock)) }),
  );
  // The listener has made Host and X-Forwarded-* say the truth by the time a request gets here.
  provider.proxy = true;
  installRefusals(provider, (refused) => deps.events.refused(refused));
  deps.clients.install(provider);
  installHashedSecrets(provider, deps.clientSecrets);
  installTokenExchange(provider, {
    verifier: deps.verifier,
    secrets: deps.secrets,
    clock: deps.clock,
    exchanged: (exchange) => deps.events.tokenExchanged(exchange),
  });
  installUserinfoTokens(provider, deps.verifier);
  installIdTokenClaims(provider, deps.secrets);
  installIdTokenHints(provider, keys.retiredJwks, deps.clock);
  installQueryRefusal(provider);
  installPostedRequests(provider, deps.pages.repost);
  installJwtBearer(provider, { clock: deps.clock, fetch: deps.fetch });
  installRegistration(provider, deps.config.clientRegistration, deps.guessLimit);
  installLoginBinding(provider, deps.findUser);
  installInteractions(provider, deps.secrets);
  installReplayDetection(provider, deps.replies);
  installSessionDevices(provider, deps.clock);
  installSessionRenewal(provider);
  installFormState(provider, { secrets: deps.secrets, clock: deps.clock, publicUrl: deps.config.publicUrl });
  installCodeRedemption(provider, { clock: deps.clock, counters: deps.counters });
  installUnauthorizedClient(provider);
  installPings(provider);
  installPolling(provider, deps.counters);
  installDeviceLinks(provider);
  installApproval(provider, (session) => sessionLifetime(deps.config.session, session));
  installUserCodeLimit(provider, deps.guessLimit);
  installRefreshRotation(provider, {
    secrets: deps.secrets,
    clock: deps.clock,
    grace: deps.config.refresh.grace,
  });
  installFailureReplies(provider, { isUnavailable: deps.isUnavailable, page: deps.pages.error });
  installClockGuard(provider, deps.clock);
  installRedemption(provider);
  installResumption(provider, deps.replies);
  installOpenRequests(provider, deps.openRequests, deps.replies);
  installFormPost(provider, deps.pages.formPost);
  installJwtAccessTokens(provider, { verifier: deps.verifier, revokeToken: deps.revokeToken });
  installLogout(provider, deps.pages.loggedOut);
  const { accountSessions, secrets, pages } = deps;
  installHintedLogout(provider, { accountSessions, secrets, page: pages.loggedOut });
  installEvents(provider, deps.events);
  return provider;
}
