import type { Provider } from 'oidc-provider';
import type { Logger } from '../../core/logger.ts';
import { StartupError } from '../../core/errors.ts';
import { replayDetection } from '../adapters.ts';
import { pings } from '../ciba.ts';
import { registration } from '../clients/registration/index.ts';
import { clientCache, hashedSecrets } from '../clients/registry.ts';
import { clockGuard, failureReplies } from '../failures.ts';
import type { ProviderDependencies } from '../dependencies.ts';
import { approval } from '../device/approval.ts';
import { fastPath } from '../fast-path/index.ts';
import { deviceLinks, userCodeLimit } from '../device/feature.ts';
import { events } from '../events.ts';
import { interactionHints } from '../interactions/policy.ts';
import { loginBinding } from '../interactions/login-binding.ts';
import type { Keys } from '../key-ring.ts';
import { hintedLogout } from '../logout/hinted.ts';
import { logout } from '../logout/install.ts';
import { postedRequests, queryRefusal } from '../posted-requests.ts';
import { redemptionDeadline } from '../redemption.ts';
import { refusals } from '../refusals/install.ts';
import { sessionDevices, sessionRenewal } from '../sessions/browser-session.ts';
import { viewing } from '../sessions/viewing.ts';
import { formState } from '../sessions/form-state.ts';
import { jwtBearer } from '../tokens/assertions.ts';
import { canonicalResources } from '../tokens/canonical-resources.ts';
import { claimMappings } from '../tokens/authorization-claims.ts';
import { clientScopes } from '../tokens/client-scopes.ts';
import { codeRedemption } from '../tokens/code-redemption.ts';
import { tokenExchange } from '../tokens/exchange/grant.ts';
import { idTokenClaims } from '../tokens/id-token-claims.ts';
import { idTokenHints } from '../tokens/id-token-hints.ts';
import { jwtAccessTokens } from '../tokens/jwt-access-tokens.ts';
import { refreshRotation } from '../tokens/refresh-rotation.ts';
import { subjectSource } from '../tokens/subjects.ts';
import { userinfoTokens } from '../tokens/userinfo-tokens.ts';
import { formPost } from './form-post.ts';
import { openRequests } from './open-requests.ts';
import { type Installed, isOverride, isWithin, LIBRARY, libraryVersion } from './override.ts';
import { polling } from './polling.ts';
import { resumption } from './resumption.ts';
import { tokenRate } from './token-rate.ts';
import { unauthorizedClient } from './unauthorized-client.ts';

type Dependencies = ProviderDependencies & { keys: Keys };

/**
 * All overrides, in order of installation. The first middleware is outermost and sees the replies of the rest. A method
 * installed later is called first and calls the earlier one.
 */
export const INSTALLED: readonly Installed<Dependencies>[] = [
  // First, because it reports the reply that the client finally gets.
  refusals,
  clientCache,
  hashedSecrets,
  subjectSource,
  tokenExchange,
  clientScopes,
  userinfoTokens,
  claimMappings,
  idTokenClaims,
  idTokenHints,
  // Before `postedRequests`, which turns a body into a query.
  queryRefusal,
  postedRequests,
  canonicalResources,
  jwtBearer,
  registration,
  loginBinding,
  interactionHints,
  replayDetection,
  sessionDevices,
  sessionRenewal,
  viewing,
  // After both of the above: an anonymous session is not stored and must not reach them.
  formState,
  codeRedemption,
  unauthorizedClient,
  // After our grants.
  tokenRate,
  pings,
  polling,
  deviceLinks,
  approval,
  userCodeLimit,
  refreshRotation,
  // Before everything that may throw `unavailable`: here the outage becomes a 503.
  failureReplies,
  clockGuard,
  redemptionDeadline,
  resumption,
  // After `resumption` and `approval`: it frees a place once the interaction has ended, and takes one before the code is stored.
  openRequests,
  formPost,
  jwtAccessTokens,
  logout,
  hintedLogout,
  events,
  fastPath,
];

/** The overrides alone. */
export const OVERRIDES = INSTALLED.filter(isOverride);

/**
 * Installs all overrides after each has checked what it relies on. @throws StartupError naming the override whose
 * check fails.
 */
export function installAll(provider: Provider, dependencies: Dependencies): void {
  for (const { name, why, check } of OVERRIDES) {
    try {
      check(provider);
    } catch (cause) {
      const { message } = cause as Error;
      throw new StartupError(
        `${LIBRARY} ${libraryVersion()} does not fit the override ${name} (${why}): ${message}`,
        { cause },
      );
    }
  }
  for (const one of INSTALLED) one.install(provider, dependencies);
}

/** One warning about a library version that overrides were not tested with: it may work all the same. */
export function warnOfUnproven(logger: Pick<Logger, 'warn'>, version = libraryVersion()): void {
  const unproven = OVERRIDES.filter(({ provenFor }) => !isWithin(provenFor, version));
  if (unproven.length === 0) return;
  const overrides = unproven.map(({ name }) => name);
  logger.warn(
    { version, overrides },
    `this version of ${LIBRARY} is not one that the tests have passed with`,
  );
}
