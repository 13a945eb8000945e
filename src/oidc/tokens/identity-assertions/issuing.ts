import { importJWK, type JWK, SignJWT } from 'jose';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { buildTokenResponse } from 'oidc-provider/lib/helpers/grants.js';
import { newUuid } from '../../../core/ids.ts';
import type { UserRecord } from '../../../storage/users.ts';
import { isEmailVerified } from '../../../domain/ownership/address.ts';
import type { AuthorizationClaimsOf } from '../../clients/claim-mappings.ts';
import { isAmong } from '../../clients/app-access.ts';
import type { ExtraClientProperties } from '../../clients/names.ts';
import type { PresentedToken } from '../exchange/presented.ts';

/** The requested token type (section 4.3), and the `typ` of the JWT. */
export const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';
export const ID_JAG_TYP = 'oauth-id-jag+jwt';

/** Seconds: it is redeemed at once. */
const LIFETIME = 300;

/** The default signing algorithm: every receiver supports it. */
const ALG = 'ES256';

interface Asked {
  audiences: string[];
  resources: string[];
  scopes: string[];
}

/**
 * Finds the policy entry that allows the request.
 * @throws InvalidTarget, InvalidScope.
 */
function policyFor(client: ExtraClientProperties, { audiences, resources, scopes }: Asked) {
  const [audience, ...others] = audiences;
  if (audience === undefined || others.length > 0)
    throw new errors.InvalidTarget('audience must name one authorization server, by its issuer');
  const ofAudience = (client.identity_assertions ?? []).filter((policy) => policy.audience === audience);
  if (ofAudience.length === 0)
    throw new errors.InvalidTarget(
      'this client may not get identity assertions for this authorization server',
    );
  const ofResources = ofAudience.filter(({ resources: allowed }) =>
    resources.every((resource) => allowed?.includes(resource) ?? true),
  );
  if (ofResources.length === 0) throw new errors.InvalidTarget('this client may not request this resource');
  const policy = ofResources.find(({ scopes: allowed }) =>
    scopes.every((scope) => allowed?.includes(scope) ?? true),
  );
  if (!policy)
    throw new errors.InvalidScope('this client may not request this scope there', scopes.join(' '));
  return policy;
}

/** An issued assertion. */
export interface IssuedAssertion {
  audience: string;
  scope: string;
}

/**
 * Makes the part of token exchange that issues identity assertions (section 4.3), for the account and the token that the
 * exchange has checked.
 */
export function createIdentityAssertions({
  issuer,
  keys,
  now,
  findUser,
  authorizationClaimsOf,
}: {
  issuer: string;
  /** Private keys; for each algorithm the signing one comes first. */
  keys: readonly JWK[];
  /** Seconds since the epoch. */
  now(): number;
  findUser(id: string): Promise<UserRecord | null>;
  authorizationClaimsOf: AuthorizationClaimsOf;
}) {
  const jwk = keys.find(({ alg }) => alg === ALG);
  return async (
    ctx: KoaContextWithOIDC,
    subject: Pick<PresentedToken, 'login'>,
    accountId: string,
    asked: Asked,
  ): Promise<IssuedAssertion> => {
    const { client, provider } = ctx.oidc;
    const policy = policyFor(client as ExtraClientProperties, asked);
    const user = await findUser(accountId);
    if (!user || !jwk)
      throw new errors.InvalidRequest('the account of subject_token does not exist or is not active');
    if (!isAmong(policy, await authorizationClaimsOf(user, ['roles', 'groups'])))
      throw new errors.AccessDenied('the policy of this client does not cover this person');
    const scopes = asked.scopes.length > 0 ? asked.scopes : (policy.scopes ?? []);
    const scope = scopes.join(' ');
    const { authTime, acr, amr } = subject.login;
    const [resource] = asked.resources;
    const iat = now();
    const claims = {
      iss: issuer,
      sub: accountId,
      aud: policy.audience,
      client_id: policy.client_id ?? client?.clientId,
      jti: newUuid(),
      iat,
      exp: iat + LIFETIME,
      ...(resource === undefined ? {} : { resource }),
      ...(scope === '' ? {} : { scope }),
      ...(isEmailVerified(user) ? { email: user.email, email_verified: true } : {}),
      ...(authTime === undefined ? {} : { auth_time: authTime }),
      ...(acr === undefined ? {} : { acr }),
      ...(amr === undefined ? {} : { amr }),
    };
    const header = { alg: ALG, typ: ID_JAG_TYP, ...(jwk.kid === undefined ? {} : { kid: jwk.kid }) };
    const assertion = await new SignJWT(claims).setProtectedHeader(header).sign(await importJWK(jwk, ALG));
    ctx.body = buildTokenResponse(provider, {
      accessToken: assertion,
      issuedTokenType: ID_JAG,
      // It grants no access by itself (RFC 8693 section 2.2.1).
      tokenType: 'N_A',
      expiresIn: LIFETIME,
      scope: scope || undefined,
    });
    return { audience: policy.audience, scope };
  };
}
