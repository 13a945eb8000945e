import { Provider } from 'oidc-provider';
import type { Clock } from '../../core/clock.ts';
import { epochSeconds } from '../../core/clock.ts';
import { type Override, shape } from '../overrides/override.ts';

/** Device and network of a session, so that its owner recognises it. */
export interface SessionDevice {
  userAgent: string | null;
  ip: string | null;
}

/** The session record with Postern's own fields. */
export interface DeviceSession {
  device?: SessionDevice | undefined;
  /** Seconds since the epoch. */
  seenAt?: number | undefined;
}

/** Anything that has the headers of a request: the listener has made X-Forwarded-For believable. */
export const deviceOfRequest = (header: (name: string) => string | string[] | undefined): SessionDevice => ({
  userAgent: header('user-agent')?.slice(0, 512).toString() ?? null,
  ip: header('x-forwarded-for')?.toString() ?? null,
});

/** Sessions remember what they were used with and when: each use in an authorization request saves them anyway. */
function installSessionDevices(provider: Provider, clock: Clock): void {
  const { Session } = provider;
  const { IN_PAYLOAD } = Session as unknown as { IN_PAYLOAD: string[] };
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => [...IN_PAYLOAD, 'device', 'seenAt'] });
  const { save } = Session.prototype as unknown as {
    save(this: DeviceSession, ttl: number): Promise<string>;
  };
  Object.assign(Session.prototype, {
    async save(this: DeviceSession, ttl: number) {
      const ctx = Provider.ctx;
      if (ctx) this.device = deviceOfRequest((name) => ctx.req.headers[name]);
      this.seenAt = epochSeconds(clock);
      return save.call(this, ttl);
    },
  });
}

export const sessionDevices: Override<{ clock: Clock }> = {
  name: 'session-devices',
  why: 'the library does not keep what a session was used with',
  provenFor: '9.13.x',
  upstream: null,
  check: shape('Session.prototype.save', 'Session.IN_PAYLOAD.accountId'),
  install: (provider, { clock }) => installSessionDevices(provider, clock),
};
