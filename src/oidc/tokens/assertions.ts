import { decodeJwt, decodeProtectedHeader } from 'jose';
import { errors, type Provider } from 'oidc-provider';
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import { textOf } from '../../core/text.ts';
import { ACCEPTED_ALGS } from '../../core/tokens.ts';
import { endsInTime, MAX_ASSERTION_LIFETIME } from '../clients/assertions.ts';
import type { ExtraClientProperties } from '../clients/names.ts';
import type { OutboundFetch } from '../outbound/fetch.ts';
import type { Extension } from '../overrides/override.ts';
import { AssertionKeys, invalidAssertion, type KeySource } from './assertion-keys.ts';
import { JWT_BEARER } from './grant-types.ts';
import {
  type AcceptingDependencies,
  createIdentityGrant,
  isIdentityAssertion,
} from './identity-assertions/accepting.ts';

/** Seconds that clocks may differ by. */
const TOLERANCE = 5;

const MAX_JTI = 255;

/** What assertions need of a client. */
export type Asserting = ExtraClientProperties & { clientId: string } & KeySource;

/** A verified assertion; valid unless it was used before. */
export interface Assertion {
  iss: string;
  jti: string;
  /** How long to remember its `jti`, in seconds since the epoch. */
  rememberedUntil: number;
}

interface Trusted {
  iss: string;
  sub: string;
  /** Whether other audiences are allowed: a foreign issuer's assertion could then be replayed here by another recipient. */
  mayBeShared: boolean;
  source: KeySource;
}

/** The claimed issuer of an assertion, if its assertions may represent the client. */
function trustedFor(client: Asserting, iss: unknown, sub: unknown): Trusted | undefined {
  const { clientId, assertion_issuers: others = [] } = client;
  if (iss === clientId && sub === clientId)
    return { iss: clientId, sub: clientId, mayBeShared: true, source: client };
  const other = others.find(({ issuer, subject }) => issuer === iss && subject === sub);
  if (!other) return undefined;
  const source = 'jwks' in other ? { jwks: other.jwks } : { jwksUri: other.jwks_uri };
  return { iss: other.issuer, sub: other.subject, mayBeShared: false, source };
}

/**
 * Makes the check of assertions (RFC 7523 section 3): `aud` is this issuer or its token endpoint, for another issuer's assertion
 * nobody else besides; `exp` is near, `jti` is there. Throws invalid_grant with the reason.
 */
export function createAssertionCheck({
  keys,
  issuer,
  now,
}: {
  keys: AssertionKeys;
  issuer: string;
  /** Seconds since the epoch. */
  now(): number;
}) {
  const refuse = (reason: string): never => {
    throw invalidAssertion(reason);
  };
  const decoded = (assertion: string) => {
    try {
      return { header: decodeProtectedHeader(assertion), claims: decodeJwt(assertion) };
    } catch {
      return refuse('is not a JWT');
    }
  };
  /** @param audiences the names of this server. */
  return async (assertion: string, client: Asserting, audiences: ReadonlySet<string>): Promise<Assertion> => {
    const { header, claims } = decoded(assertion);
    const { iss, sub, mayBeShared, source } =
      trustedFor(client, claims.iss, claims.sub) ??
      refuse('is not from an issuer and subject that this client trusts (iss, sub)');
    // Other JWTs that a client signs have their own types (RFC 8725 section 3.11).
    if (header.typ !== undefined && textOf(header.typ)?.toUpperCase() !== 'JWT')
      refuse('is a JWT of another type (typ)');
    const {
      exp = 0,
      iat,
      jti,
    } = await keys
      .verify(assertion, source, {
        issuer: iss,
        subject: sub,
        algorithms: [...ACCEPTED_ALGS],
        requiredClaims: ['aud', 'exp', 'jti'],
        clockTolerance: TOLERANCE,
        currentDate: new Date(now() * 1000),
      })
      .catch(() => refuse('is not signed with a known key, or has expired'));
    const named = [claims.aud ?? []].flat();
    if (!named.some((audience) => audiences.has(audience))) refuse(`is not for ${issuer} (aud)`);
    if (named.length > 1 && !mayBeShared) refuse(`is not only for ${issuer} (aud)`);
    if (!endsInTime(exp, now())) refuse(`expires more than ${MAX_ASSERTION_LIFETIME} seconds from now (exp)`);
    if (iat !== undefined && iat > now() + TOLERANCE) refuse('was issued in the future (iat)');
    if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI)
      return refuse(`must have a jti of 1 to ${MAX_JTI} characters`);
    return { iss, jti, rememberedUntil: Math.ceil(exp) + TOLERANCE + 1 };
  };
}

interface GrantDependencies extends Pick<AcceptingDependencies, 'linkedAccount'> {
  clock: Clock;
  fetch: OutboundFetch;
  config: { identityAssertions: AcceptingDependencies['settings'] };
  events: { tokenExchanged: AcceptingDependencies['accepted'] };
}

/** Registers the JWT bearer grant with the provider: before any client that uses it is looked up. */
function installJwtBearer(provider: Provider, deps: GrantDependencies): void {
  const { clock, fetch, config, events } = deps;
  const keys = new AssertionKeys(fetch);
  const identityGrant = createIdentityGrant(provider, {
    settings: config.identityAssertions,
    issuer: provider.issuer,
    keys,
    clock,
    linkedAccount: deps.linkedAccount,
    accepted: (exchange) => events.tokenExchanged(exchange),
  });
  const check = createAssertionCheck({
    keys,
    issuer: provider.issuer,
    now: () => epochSeconds(clock),
  });
  provider.registerGrantType<{ assertion?: string }>(
    JWT_BEARER,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      if (params.assertion === undefined)
        throw new errors.InvalidRequest("missing required parameter 'assertion'");
      if (isIdentityAssertion(params.assertion)) return identityGrant(ctx, params.assertion);
      const dPoP = await validateDpop(provider, ctx);
      checkDpopRequired(provider, ctx, dPoP);
      const certificate = checkMtlsCert(provider, ctx);

      const { iss, jti, rememberedUntil } = await check(
        params.assertion,
        client as unknown as Asserting,
        ctx.oidc.clientJwtAuthExpectedAudience(),
      );
      if (!(await provider.ReplayDetection.unique(iss, jti, rememberedUntil)))
        throw invalidAssertion('was already used');

      const [api, ...others] = await resolveRequestedResources(provider, ctx);
      if (others.length > 0) throw new errors.InvalidTarget('a token can be for only one API');
      const token = new provider.ClientCredentials({ client });
      if (api) {
        token.resourceServer = api;
        const scopes = [...ctx.oidc.requestParamScopes].filter((scope) => api.scopes.has(scope));
        token.scope = scopes.join(' ') || undefined;
      }
      if (certificate) token.setThumbprint('x5t', certificate);
      if (dPoP) {
        await checkDpopReplay(provider, ctx, dPoP, client.clientId);
        token.setThumbprint('jkt', dPoP.thumbprint);
      }
      ctx.oidc.entity('ClientCredentials', token);
      ctx.body = buildTokenResponse(provider, {
        accessToken: await token.save(),
        tokenType: token.tokenType,
        expiresIn: token.expiration,
        scope: token.scope,
      });
    },
    ['assertion', 'resource', 'scope'],
    ['resource'],
  );
}

export const jwtBearer: Extension<GrantDependencies> = {
  name: 'jwt-bearer',
  why: 'the library has no JWT bearer grant (RFC 7523)',
  install: installJwtBearer,
};
