import { Op } from 'sequelize';
import { ApiKey } from './models/contracts.ts';
import { ActingAgent, CibaRequest, Consent } from './models/provider-records.ts';
import { Passkey, RecoveryCode, TotpAuthenticator } from './models/factors.ts';
import { SignInDevice, SignInSource } from './models/sign-ins.ts';
import { UpstreamIdentity } from './models/upstreams.ts';
import type { Tx } from './postgres/transaction.ts';

/** Counts by kind. */
export interface BelongingCounts {
  passkeys: number;
  totp: number;
  identities: number;
  apiKeys: number;
  /** Remembered consents. */
  apps: number;
}

/** Everything attached to an account, besides sessions and tokens. */
export interface Belongings {
  /**
   * Deletes what can sign in to an account or act for it: factors and enrolments, recovery codes, identities, API keys,
   * consents, login requests of clients, and the known sources and devices of its logins.
   * @param since delete only what was attached from then on.
   */
  clear(accountId: string, since: Date | null, tx: Tx): Promise<BelongingCounts>;
}

export const belongings: Belongings = {
  async clear(accountId, since, tx) {
    const from = since ? { [Op.gte]: since } : { [Op.not]: null };
    const created = { accountId, createdAt: from };
    const used = { accountId, lastAt: from };
    await CibaRequest.destroy({ where: created, transaction: tx });
    await ActingAgent.destroy({ where: created, transaction: tx });
    await RecoveryCode.destroy({ where: created, transaction: tx });
    await SignInSource.destroy({ where: used, transaction: tx });
    await SignInDevice.destroy({ where: used, transaction: tx });
    const counts = {
      passkeys: await Passkey.destroy({ where: created, transaction: tx }),
      totp: await TotpAuthenticator.destroy({ where: { ...created, expiresAt: null }, transaction: tx }),
      identities: await UpstreamIdentity.destroy({ where: created, transaction: tx }),
      apiKeys: await ApiKey.destroy({ where: created, transaction: tx }),
      apps: await Consent.destroy({ where: { accountId, updatedAt: from }, transaction: tx }),
    };
    // Unconfirmed enrolments are not counted.
    await TotpAuthenticator.destroy({ where: created, transaction: tx });
    return counts;
  },
};
