import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import type { BackchannelRequests } from '../../domain/backchannel-requests.ts';
import type { Clock } from '../../core/clock.ts';
import { requestActor } from '../actor.ts';
import { insistsOnUnknown, requestedAcr } from '../interactions/acr.ts';
import { requested } from '../interactions/grants.ts';
import { POLLING_INTERVAL } from '../overrides/polling.ts';
import { orTooMany } from '../too-many.ts';

type Feature = NonNullable<NonNullable<Configuration['features']>['ciba']>;

/**
 * What a binding message may have (CIBA Core section 7.1: short, plain): letters and digits of any script, spaces, and
 * punctuation of which mail programs make no link.
 */
const BINDING_MESSAGE = /^(?:[\p{L}\p{M}\p{N} #,;:+\-_!?()'"%€$£¥]|\.(?!\p{L})){1,64}$/u;

/** Only authenticated clients may ask, so public clients may not (CIBA Core section 7.1). */
function checkClient({ oidc }: KoaContextWithOIDC): void {
  if (oidc.client?.tokenEndpointAuthMethod === 'none')
    throw new errors.UnauthorizedClient('a public client may not use this');
}

interface Dependencies {
  requests: Pick<BackchannelRequests, 'resolveHint' | 'admit' | 'ask'>;
  clock: Clock;
}

/** The feature of the library. */
export function ciba({ requests, clock }: Dependencies): Feature {
  const clientIdOf = ({ oidc }: KoaContextWithOIDC): string => oidc.client?.clientId ?? '';
  return {
    enabled: true,
    deliveryModes: ['poll', 'ping'],
    validateRequestContext: checkClient,
    validateBindingMessage(_ctx, message) {
      if (message !== undefined && !BINDING_MESSAGE.test(message))
        throw new errors.InvalidBindingMessage('1 to 64 letters, digits, spaces and plain punctuation');
    },
    processLoginHintToken() {
      throw new errors.InvalidRequest('login_hint_token is not supported; use login_hint or id_token_hint');
    },
    processLoginHint: (ctx, hint) => orTooMany(requests.resolveHint(hint ?? '', clientIdOf(ctx))),
    // There are no user codes to verify. The library calls this last, just before it stores the request.
    async verifyUserCode(ctx, account) {
      if (insistsOnUnknown(ctx))
        throw new errors.UnmetAuthenticationRequirements('the requested acr cannot be met');
      await orTooMany(requests.admit(account.accountId, clientIdOf(ctx)));
    },
    async triggerAuthenticationDevice(ctx, request, account, client) {
      const { clientId } = client;
      Object.assign(ctx.body as object, { interval: POLLING_INTERVAL });
      const bindingMessage = ctx.oidc.params?.['binding_message'];
      await requests.ask(
        {
          accountId: account.accountId,
          clientId,
          authReqId: request.jti,
          asked: requested(ctx),
          bindingMessage: typeof bindingMessage === 'string' ? bindingMessage : null,
          acr: requestedAcr(ctx) ?? null,
          expiresAt: new Date(clock.now() + request.expiration * 1000),
        },
        client.clientName ?? clientId,
        requestActor(ctx, 'client', clientId),
      );
    },
  };
}
