import { Op } from 'sequelize';
import { StartupError } from '../core/errors.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { SigningKey } from './models/tokens.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(SigningKey, 'privateJwk');
export type SigningKeyRecord = RecordOf<typeof record>;

export interface SigningKeys {
  create(
    key: Pick<SigningKeyRecord, 'kid' | 'alg' | 'publicJwk' | 'activatesAt'> & {
      privateJwk: Record<string, unknown>;
    },
    tx: Tx,
  ): Promise<SigningKeyRecord>;
  /** Every key still in the JWKS, oldest first. */
  list(now: number): Promise<SigningKeyRecord[]>;
  /** The same with the private keys opened. @throws StartupError when SECRETS_KEY is not the one they were sealed with. */
  open(now: number): Promise<(SigningKeyRecord & { privateJwk: Record<string, unknown> })[]>;
  /** Sets when the keys of `alg` other than `kid` leave the JWKS, unless that is set already. */
  expireOthers(alg: string, kid: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** Sets from when a key signs. */
  activate(kid: string, at: Date, tx: Tx): Promise<void>;
  /** Keeps a key in the JWKS while no newer one is due. */
  keep(kid: string, tx: Tx): Promise<void>;
  /** Deletes a key entirely: nothing that it signed verifies any more. */
  delete(kid: string, tx: Tx): Promise<void>;
  /** Public keys that have left the JWKS and are kept. */
  retired(now: number): Promise<Record<string, unknown>[]>;
  /** Deletes the private part of keys that have left the JWKS, and whole keys that did so more than `kept` seconds ago. */
  deleteExpired(now: number, kept: number): Promise<void>;
  /** Serializes rotation across nodes until the transaction ends. */
  lock(tx: Tx): Promise<void>;
}

const live = (now: number, attributes?: string[]) =>
  SigningKey.findAll({
    ...(attributes ? { attributes } : {}),
    where: { [Op.or]: [{ expiresAt: null }, { expiresAt: { [Op.gt]: new Date(now) } }] },
    order: ['createdAt', 'kid'],
  });

/** Signing keys in PostgreSQL, the private ones encrypted. */
export const signingKeys: SigningKeys = {
  create: async (key, tx) => record.from(await SigningKey.create(key, { transaction: tx })),
  list: async (now) => (await live(now, record.attributes)).map(record.from),
  async open(now) {
    const keys = await live(now);
    return keys.flatMap((key) => {
      const privateJwk = privateOf(key);
      return privateJwk ? { ...record.from(key), privateJwk } : [];
    });
  },
  async retired(now) {
    const keys = await SigningKey.findAll({ where: { expiresAt: { [Op.lte]: new Date(now) } } });
    return keys.map(({ publicJwk }) => publicJwk);
  },
  expireOthers: async (alg, kid, expiresAt, tx) =>
    void (await SigningKey.update(
      { expiresAt },
      { where: { alg, kid: { [Op.ne]: kid }, expiresAt: null }, transaction: tx },
    )),
  activate: async (kid, activatesAt, tx) =>
    void (await SigningKey.update({ activatesAt }, { where: { kid }, transaction: tx })),
  keep: async (kid, tx) =>
    void (await SigningKey.update({ expiresAt: null }, { where: { kid }, transaction: tx })),
  delete: async (kid, tx) => void (await SigningKey.destroy({ where: { kid }, transaction: tx })),
  async deleteExpired(now, kept) {
    const before = (moment: number) => ({ expiresAt: { [Op.lte]: new Date(moment) } });
    await SigningKey.destroy({ where: before(now - kept * 1000) });
    await SigningKey.update(
      { privateJwk: null },
      { where: { ...before(now), privateJwk: { [Op.ne]: null } } },
    );
  },
  lock: (tx) => tx.lock('postern.signing_keys'),
};

function privateOf(key: SigningKey): SigningKey['privateJwk'] {
  try {
    return key.privateJwk;
  } catch (error) {
    throw new StartupError(
      'SECRETS_KEY is not the one that encrypted the signing keys in this database. Set the right one; without it they cannot be read.',
      { cause: error },
    );
  }
}
