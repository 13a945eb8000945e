import { Op } from 'sequelize';
import { epochSeconds, type Clock } from '../core/clock.ts';
import { sha256 } from '../core/ids.ts';
import { OidcRecord } from './models/provider-records.ts';
import type { Tx } from './postgres/transaction.ts';

export interface RegistrationTokenRecord {
  /** The token's SHA-256, in hexadecimal so that it never looks like an option to a shell: the token itself is not stored. */
  id: string;
  policy: string;
  createdAt: Date;
  expiresAt: Date;
}

export interface RegistrationTokenStore {
  create(token: { token: string; policy: string; expiresAt: Date }, tx: Tx): Promise<RegistrationTokenRecord>;
  /** Valid tokens, newest first. */
  list(): Promise<RegistrationTokenRecord[]>;
  /** @returns whether there was one. */
  delete(id: string, tx: Tx): Promise<boolean>;
}

const MODEL = 'InitialAccessToken';

const shown = ({ id, payload, createdAt, expiresAt }: OidcRecord): RegistrationTokenRecord => ({
  id: Buffer.from(id, 'base64url').toString('hex'),
  policy: (payload as { policies: [string] }).policies[0],
  createdAt,
  expiresAt,
});

/** Initial access tokens, among the records of oidc-provider, which reads them itself. */
export function createRegistrationTokenStore(clock: Clock): RegistrationTokenStore {
  return {
    async create({ token, policy, expiresAt }, tx) {
      const exp = Math.floor(expiresAt.getTime() / 1000);
      const payload = { kind: MODEL, iat: epochSeconds(clock), exp, policies: [policy] };
      const values = { model: MODEL, id: sha256(token), payload, expiresAt };
      return shown(await OidcRecord.create(values, { transaction: tx }));
    },
    async list() {
      const found = await OidcRecord.findAll({
        where: { model: MODEL, expiresAt: { [Op.gt]: new Date(clock.now()) } },
        order: [['createdAt', 'DESC'], 'id'],
      });
      return found.map(shown);
    },
    async delete(id, tx) {
      const where = { model: MODEL, id: Buffer.from(id, 'hex').toString('base64url') };
      return (await OidcRecord.destroy({ where, transaction: tx })) > 0;
    },
  };
}
