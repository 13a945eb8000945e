import { createHash } from 'node:crypto';
import { Provider, type KoaContextWithOIDC } from 'oidc-provider';
import { currentRequest } from '../../core/current-request.ts';
import { constantTimeEqual } from '../../core/secrets.ts';
import { pollUntilKnown } from '../../core/replies.ts';
import { originOf } from '../redemption.ts';
import { type Override, shape } from '../overrides/override.ts';

/** Seconds after its redemption in which the same request may repeat a code. */
const REPEATED = 1;

interface Code {
  jti: string;
  clientId?: string | undefined;
  /** Undefined until a person has answered a device or login request. */
  grantId?: string | undefined;
  redirectUri?: string | undefined;
  codeChallenge?: string | undefined;
  /** When a request claimed it, and when that was answered. Seconds since the epoch. */
  claimed?: unknown;
  consumed?: unknown;
  /** Where that request came from. */
  claimedFrom?: unknown;
}
type Find = (value: string, options?: object) => Promise<Code | undefined>;

/** Whether a token request matches the client that the code was issued to. */
function isClients({ oidc }: KoaContextWithOIDC, code: Code): boolean {
  const { client, params } = oidc;
  if (code.clientId !== client?.clientId || code.redirectUri !== params?.['redirect_uri']) return false;
  if (code.codeChallenge === undefined) return true;
  const verifier = createHash('sha256').update(String(params?.['code_verifier'])).digest('base64url');
  return constantTimeEqual(verifier, code.codeChallenge);
}

/** Whether the code was sent to an address that its client no longer has: it may never have been the client's. */
const isAstray = ({ oidc: { client } }: KoaContextWithOIDC, { clientId, redirectUri }: Code): boolean =>
  redirectUri !== undefined &&
  clientId === client?.clientId &&
  client?.redirectUriAllowed(redirectUri) === false;

/**
 * A reused code ends everything issued for it (RFC 6749 section 4.1.2), whoever sends it and with whatever parameters; so do a
 * device code and an auth_req_id. The exception is the same request sent twice, which is only refused: it comes from the
 * authenticated client, with the right verifier and redirect URI, from the same address, within a second. To such a request the
 * code looks unused until the store refuses it.
 */
function installCodeRedemption(provider: Provider): void {
  const { AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest } = provider;
  for (const Model of [AuthorizationCode, DeviceCode, BackchannelAuthenticationRequest]) {
    const find = Model.find.bind(Model) as unknown as Find;
    const { IN_PAYLOAD } = Model as unknown as { IN_PAYLOAD: string[] };
    Object.defineProperty(Model, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'claimed', 'claimedFrom'] });

    /** The code, once another request that is being answered with it has settled. */
    const settled = (value: string, options?: object): Promise<Code | null> =>
      pollUntilKnown(async () => {
        const code = await find(value, options);
        const isUnderWay = code?.claimed !== undefined && code.consumed === undefined;
        return isUnderWay ? undefined : (code ?? null);
      });

    Object.assign(Model, {
      async find(value: string, options?: object) {
        const { ctx } = Provider;
        const found = await find(value, options);
        if (found?.grantId === undefined || ctx?.oidc.route !== 'token') return found;
        if (isAstray(ctx, found)) return undefined;
        // A node of an older version claims a code without saying for whom.
        const isFromThere = found.claimedFrom === undefined || found.claimedFrom === originOf(ctx, found.jti);
        const isRepeat = isFromThere && isClients(ctx, found);
        const code = isRepeat || found.claimed === undefined ? found : await settled(value, options);
        if (typeof code?.consumed !== 'number') return code ?? undefined;
        // Adapters report the moment of consumption with fractions of a second.
        const late = (currentRequest.getStore()?.arrivedAt ?? Infinity) / 1000 - code.consumed;
        if (isRepeat && late < REPEATED) code.consumed = undefined;
        else await (await provider.Grant.find(code.grantId ?? '', { ignoreExpiration: true }))?.destroy();
        return code;
      },
    });
  }
}

export const codeRedemption: Override<unknown> = {
  name: 'code-redemption',
  why: 'the library ends what a code gave only if the request is otherwise right, and for a request sent twice as well',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'AuthorizationCode.find',
    'AuthorizationCode.IN_PAYLOAD.consumed',
    'DeviceCode.find',
    'DeviceCode.IN_PAYLOAD.consumed',
    'BackchannelAuthenticationRequest.find',
    'BackchannelAuthenticationRequest.IN_PAYLOAD.consumed',
    'Grant.prototype.destroy',
  ),
  install: installCodeRedemption,
};
