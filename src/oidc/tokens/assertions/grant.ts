import { errors, type Provider } from 'oidc-provider';
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  resolveRequestedResources,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js';
import { epochSeconds, type Clock } from '../../../core/clock.ts';
import type { OutboundFetch } from '../../outbound/fetch.ts';
import { JWT_BEARER } from '../grant-types.ts';
import { AssertionKeys } from './keys.ts';
import { type Asserting, createAssertionCheck, invalidAssertion } from './verify.ts';
import type { Extension } from '../../overrides/override.ts';

interface Dependencies {
  clock: Clock;
  fetch: OutboundFetch;
}

/** Registers the JWT bearer grant with the provider: before any client that has it is looked up. */
function installJwtBearer(provider: Provider, { clock, fetch }: Dependencies): void {
  const check = createAssertionCheck({
    keys: new AssertionKeys(fetch),
    issuer: provider.issuer,
    now: () => epochSeconds(clock),
  });
  provider.registerGrantType<{ assertion?: string }>(
    JWT_BEARER,
    async (ctx) => {
      const { client, params } = ctx.oidc;
      if (params.assertion === undefined)
        throw new errors.InvalidRequest("missing required parameter 'assertion'");
      const dPoP = await validateDpop(provider, ctx);
      checkDpopRequired(provider, ctx, dPoP);
      const certificate = checkMtlsCert(provider, ctx);

      const { iss, jti, rememberedUntil } = await check(
        params.assertion,
        client as unknown as Asserting,
        ctx.oidc.clientJwtAuthExpectedAudience(),
      );
      if (!(await provider.ReplayDetection.unique(iss, jti, rememberedUntil)))
        throw invalidAssertion('was used already');

      const [api, ...others] = await resolveRequestedResources(provider, ctx);
      if (others.length > 0) throw new errors.InvalidTarget('a token is for one API alone');
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

export const jwtBearer: Extension<Dependencies> = {
  name: 'jwt-bearer',
  why: 'the library has no JWT bearer grant (RFC 7523)',
  install: installJwtBearer,
};
