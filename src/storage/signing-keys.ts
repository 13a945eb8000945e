import { Op } from 'sequelize';
import type { Secrets } from '../core/secrets.ts';
import { StartupError } from '../core/startup-error.ts';
import { SigningKey } from './models/signing-key.ts';
import type { Tx } from './postgres/transaction.ts';

export interface SigningKeyRecord {
  kid: string;
  alg: string;
  publicJwk: Record<string, unknown>;
  createdAt: Date;
  /** It signs from here on, until a newer key of its algorithm does. */
  activatesAt: Date;
  /** It leaves the JWKS here; null while no newer key is due. */
  expiresAt: Date | null;
}

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
  /** Says when the keys of `alg` other than `kid`, if they have no end yet, leave the JWKS. */
  expireOthers(alg: string, kid: string, expiresAt: Date, tx: Tx): Promise<void>;
  /** Public keys that have left the JWKS and are kept. */
  retired(now: number): Promise<Record<string, unknown>[]>;
  /** Deletes the private part of keys that have left the JWKS, and all of those that did so more than `kept` seconds ago. */
  deleteExpired(now: number, kept: number): Promise<void>;
  /** Serializes rotation across nodes until the transaction ends. */
  lock(tx: Tx): Promise<void>;
}

const PURPOSE = 'signing-keys';

/** Signing keys in PostgreSQL, sealed under SECRETS_KEY. */
export function createSigningKeys(secrets: Secrets): SigningKeys {
  const live = (now: number) =>
    SigningKey.findAll({
      where: { [Op.or]: [{ expiresAt: null }, { expiresAt: { [Op.gt]: new Date(now) } }] },
      order: ['createdAt', 'kid'],
    });
  const record = ({
    kid,
    alg,
    publicJwk,
    createdAt,
    activatesAt,
    expiresAt,
  }: SigningKey): SigningKeyRecord => ({ kid, alg, publicJwk, createdAt, activatesAt, expiresAt });
  return {
    async create({ privateJwk, ...key }, tx) {
      const sealed = secrets.seal(PURPOSE, JSON.stringify(privateJwk));
      return record(
        await SigningKey.create({ ...key, privateJwk: sealed, expiresAt: null }, { transaction: tx.handle }),
      );
    },
    list: async (now) => (await live(now)).map(record),
    async open(now) {
      const keys = await live(now);
      return keys.flatMap((key) =>
        key.privateJwk === null ? [] : { ...record(key), privateJwk: unseal(secrets, key.privateJwk) },
      );
    },
    async retired(now) {
      const keys = await SigningKey.findAll({ where: { expiresAt: { [Op.lte]: new Date(now) } } });
      return keys.map(({ publicJwk }) => publicJwk);
    },
    expireOthers: async (alg, kid, expiresAt, tx) =>
      void (await SigningKey.update(
        { expiresAt },
        { where: { alg, kid: { [Op.ne]: kid }, expiresAt: null }, transaction: tx.handle },
      )),
    async deleteExpired(now, kept) {
      const before = (moment: number) => ({ expiresAt: { [Op.lte]: new Date(moment) } });
      await SigningKey.destroy({ where: before(now - kept * 1000) });
      await SigningKey.update(
        { privateJwk: null },
        { where: { ...before(now), privateJwk: { [Op.ne]: null } } },
      );
    },
    lock: async (tx) =>
      void (await tx.query("select pg_advisory_xact_lock(hashtext('postern.signing_keys'))")),
  };
}

function unseal(secrets: Secrets, sealed: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(secrets.open(PURPOSE, sealed)) as Record<string, unknown>;
  } catch (error) {
    throw new StartupError(
      'SECRETS_KEY is not the one that the signing keys in this database were encrypted with. Set the right one; without it they cannot be read.',
      { cause: error },
    );
  }
}
