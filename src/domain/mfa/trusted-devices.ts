import type { Actor } from '../../core/actor.ts';
import { randomToken } from '../../core/ids.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { MfaDependencies } from './dependencies.ts';

/** Browsers that skip the second factor for a while. A change of factors ends them. */
export interface Devices {
  /** @param seconds how long. @returns the token for a cookie of that browser. */
  trust(accountId: string, seconds: number, actor: Actor): Promise<string>;
  /** @param token what the cookie holds, unchecked. */
  isTrusted(accountId: string, token: unknown): Promise<boolean>;
  /** Ends all of the account's, whenever its sessions end. */
  forgetAll(accountId: string, tx: Tx): Promise<void>;
}

const TOKEN = /^[\w-]{43}$/;

export function createDevices(dependencies: MfaDependencies): Devices {
  const { trustedDevices, audit, inTransaction, clock } = dependencies;
  return {
    async trust(accountId, seconds, actor) {
      const token = randomToken();
      const expiresAt = new Date(clock.now() + seconds * 1000);
      await inTransaction(async (tx) => {
        await trustedDevices.add(accountId, token, expiresAt, tx);
        await audit.record({ type: 'device.trusted', subject: accountId, details: { seconds } }, actor, tx);
      });
      return token;
    },
    isTrusted: async (accountId, token) =>
      typeof token === 'string' &&
      TOKEN.test(token) &&
      (await trustedDevices.has(accountId, token, clock.now())),
    forgetAll: (accountId, tx) => trustedDevices.deleteAll(accountId, tx),
  };
}
