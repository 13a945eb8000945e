import { errors, Provider } from 'oidc-provider';
import { type Clock, epochSeconds } from '../../core/clock.ts';
import { sha256 } from '../../core/ids.ts';
import { constantTimeEqual, type Secrets } from '../../core/secrets.ts';
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

interface Dependencies {
  counters: Counters;
  secrets: Secrets;
  clock: Clock;
}

/** A code that is being issued. */
interface Issued {
  clientId?: string;
  /** The lifetime in seconds. */
  expiration: number;
}

/** Characters of the MAC: 96 bits. */
const MAC_LENGTH = 16;

/**
 * Codes that prove their own expiry: the random part, the expiry in seconds since the epoch (base 36) and a MAC over both and the
 * client. So nothing needs to be stored to recognise one that has expired.
 */
function datedCodes({ secrets, clock }: { secrets: Secrets; clock: Clock }) {
  const macOf = (random: string, expiry: string, clientId = '') =>
    secrets.mac('polled-code', `${random}.${expiry}.${clientId}`).slice(0, MAC_LENGTH);
  return {
    date(random: string, { clientId, expiration }: Issued): string {
      const expiry = (epochSeconds(clock) + expiration).toString(36);
      return `${random}.${expiry}.${macOf(random, expiry, clientId)}`;
    },
    /** Whether it was issued to this client and has expired. */
    hasExpired(code: string, clientId: string | undefined): boolean {
      const [random = '', expiry = '', mac = '', ...rest] = code.split('.');
      const isOurs = rest.length === 0 && constantTimeEqual(mac, macOf(random, expiry, clientId));
      return isOurs && Number.parseInt(expiry, 36) <= epochSeconds(clock);
    },
  };
}

/**
 * Answers `slow_down` to a client that polls too often, and `expired_token` for a code that has expired (RFC 8628 section 3.5,
 * CIBA Core section 11). A result that exists is always returned.
 */
function installPolling(provider: Provider, { counters, ...deps }: Dependencies): void {
  const codes = datedCodes(deps);
  for (const Model of [provider.DeviceCode, provider.BackchannelAuthenticationRequest]) {
    const find = Model.find.bind(Model) as unknown as Find;
    const { generateTokenId } = Model.prototype as unknown as { generateTokenId(this: Issued): string };
    Object.assign(Model.prototype, {
      generateTokenId(this: Issued) {
        return codes.date(generateTokenId.call(this), this);
      },
    });
    Object.assign(Model, {
      async find(value: string, options?: object) {
        const polled = await find(value, options);
        const ctx = Provider.ctx;
        if (ctx?.oidc.route !== 'token') return polled;
        const clientId = ctx.oidc.client?.clientId;
        if (!polled && codes.hasExpired(value, clientId)) throw new errors.ExpiredToken('it has expired');
        if (!polled || polled.clientId !== clientId) return polled;
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

export const polling: Override<Dependencies> = {
  name: 'polling',
  why: 'the library never tells a client to slow down, and recognises an expired code only while that is stored',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'DeviceCode.find',
    'DeviceCode.prototype.generateTokenId',
    'BackchannelAuthenticationRequest.find',
    'BackchannelAuthenticationRequest.prototype.generateTokenId',
  ),
  install: installPolling,
};
