import { errors, Provider } from 'oidc-provider';
import { AlreadyUsedError } from 'oidc-provider/lib/helpers/re_render_errors.js';
import type { DeviceSignIns } from '../../storage/sign-ins.ts';
import { type Override, shape } from '../overrides/override.ts';
import { viewOf } from '../sessions/viewing.ts';
import { sessionLifetime } from '../tokens/lifetimes.ts';
import { signDeviceIn } from './sign-in.ts';

type DeviceCode = InstanceType<Provider['DeviceCode']>;

/** The relevant part of a session. */
interface Session {
  uid: string;
  transient?: boolean;
  /** Seconds since the epoch; a session that was never stored has none. */
  exp?: number;
  touched?: boolean;
  persist(): Promise<unknown>;
  save(ttl: number): Promise<unknown>;
}

/** The error that the library stores in a code when approval fails for technical reasons. */
const FAILED = 'server_error';

/** Requests that answer a code; each may store its answer more than once. */
const answering = new WeakSet<object>();

/**
 * Whether this request answers the code, by approval or refusal: the first of concurrent ones. A failed one leaves the answer to
 * others.
 */
async function isFirst({ ReplayDetection }: Provider, { jti, exp = 0 }: DeviceCode): Promise<boolean> {
  const { ctx } = Provider;
  if (!ctx || answering.has(ctx)) return true;
  const isUnique = await ReplayDetection.unique('device-answer', jti, exp);
  if (isUnique) answering.add(ctx);
  return isUnique;
}

/**
 * Stores the session before the code that was approved in it. The library stores it after answering the page; a device that
 * polls in between would not find its session, and give up. If a store is down, the code stays as it was, so that the person can
 * retry: neither the failure nor the approval under way is kept. The first of several answers counts. The device is recorded
 * before the code becomes valid.
 * @param lifetime of a new session, in seconds.
 */
function installApproval(
  provider: Provider,
  lifetime: (session: Session) => number,
  signIns: Pick<DeviceSignIns, 'add'>,
): void {
  const { prototype } = provider.DeviceCode;
  const { save } = prototype;
  Object.assign(prototype, {
    async save(this: DeviceCode) {
      if (this.error === FAILED) return this.jti;
      const { accountId } = this;
      const { session: current, entities } = Provider.ctx?.oidc ?? {};
      const session = current as Session | undefined;
      if (accountId !== undefined && viewOf(session))
        throw new errors.AccessDenied('only the person may approve this');
      const isAnswer = accountId !== undefined || this.error !== undefined;
      if (isAnswer && !(await isFirst(provider, this))) throw new AlreadyUsedError(this.userCode);
      if (accountId !== undefined && session) {
        await (session.exp === undefined ? session.save(lifetime(session)) : session.persist());
        // The library sets the cookie only with a session that it saves itself.
        session.touched = true;
        const grant = entities?.Grant;
        if (this.error === undefined && grant)
          await signDeviceIn(provider, signIns, this, { accountId, sessionUid: session.uid, grant });
      }
      this.inFlight = undefined;
      return save.call(this);
    },
  });
}

export const approval: Override<{
  config: { session: Parameters<typeof sessionLifetime>[0] };
  deviceSignIns: Pick<DeviceSignIns, 'add'>;
}> = {
  name: 'device-approval',
  why: 'the library stores an approved code before the session that it is bound to, shares the grant of that, and keeps a failure of ours as the last word',
  provenFor: '9.13.x',
  upstream: null,
  check: shape(
    'DeviceCode.prototype.save',
    'DeviceCode.IN_PAYLOAD.inFlight',
    'DeviceCode.IN_PAYLOAD.error',
    'DeviceCode.IN_PAYLOAD.expiresWithSession',
    'ReplayDetection.unique',
    'Session.prototype.persist',
    'Session.prototype.save',
  ),
  install: (provider, { config, deviceSignIns }) =>
    installApproval(provider, (session) => sessionLifetime(config.session, session), deviceSignIns),
};
