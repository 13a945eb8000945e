import { errors, Provider } from 'oidc-provider';
import { sha256 } from '../../core/ids.ts';
import type { Counters } from '../../storage/counters.ts';
import { type Override, shape } from './override.ts';

/** Seconds between two polls, as clients are told (RFC 8628 section 3.2, CIBA Core section 7.3). */
export const POLLING_INTERVAL = 5;

/** Tolerance in seconds for polls that network jitter delivered early. */
const MIN_INTERVAL = POLLING_INTERVAL - 1;

interface Polled {
  jti: string;
  clientId?: string | undefined;
  grantId?: string | undefined;
  error?: string | undefined;
  isExpired: boolean;
}
type Find = (value: string, options?: object) => Promise<Polled | undefined>;

/**
 * Answers `slow_down` to a client that polls too often (RFC 8628 section 3.5, CIBA Core section 11). A result that
 * exists is always returned.
 */
function installPolling(provider: Provider, counters: Counters): void {
  for (const Model of [provider.DeviceCode, provider.BackchannelAuthenticationRequest]) {
    const find = Model.find.bind(Model) as unknown as Find;
    Object.assign(Model, {
      async find(value: string, options?: object) {
        const polled = await find(value, options);
        const ctx = Provider.ctx;
        const isPoll = ctx?.oidc.route === 'token' && polled?.clientId === ctx.oidc.client?.clientId;
        if (!polled || !isPoll) return polled;
        const isPending = polled.grantId === undefined && polled.error === undefined && !polled.isExpired;
        if (!isPending) return polled;
        const { count } = await counters.add(`poll:${sha256(polled.jti)}`, 1, MIN_INTERVAL);
        if (count > 1) throw new errors.SlowDown();
        return polled;
      },
    });
  }
  provider.on('device_authorization.success', (_ctx, reply: { interval?: number }) => {
    reply.interval = POLLING_INTERVAL;
  });
}

export const polling: Override<{ counters: Counters }> = {
  name: 'polling',
  why: 'the library never tells a client to slow down',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('DeviceCode.find', 'BackchannelAuthenticationRequest.find'),
  install: (provider, { counters }) => installPolling(provider, counters),
};
