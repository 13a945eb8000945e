import type { AttributeSchemaInput } from '../config/attributes.ts';
import { ContractState } from './models/contracts.ts';
import { insertUnlessThere, recordOf, type RecordOf } from './models/define.ts';
import {
  MailTexts as Row,
  type MailTextsByLanguage,
  OwnedResource,
  RuntimeSettings,
  StoredAttributeSchema,
} from './models/settings.ts';
import type { Tx } from './postgres/transaction.ts';

/** Settings that were changed at run time, by key. */
export interface StoredSettings {
  settings: Readonly<Record<string, unknown>>;
  version: number;
}

export interface RuntimeSettingsStore {
  read(): Promise<StoredSettings>;
  /** The same, locked until the transaction ends. */
  lock(tx: Tx): Promise<StoredSettings>;
  write(settings: Record<string, unknown>, tx: Tx): Promise<StoredSettings>;
}

const shown = ({ settings, version }: RuntimeSettings): StoredSettings => ({ settings, version });

/** The one row of them, in PostgreSQL. */
export const runtimeSettings: RuntimeSettingsStore = {
  async read() {
    const row = await RuntimeSettings.findOne({ where: { id: true } });
    return row ? shown(row) : { settings: {}, version: 1 };
  },
  async lock(tx) {
    const row = await RuntimeSettings.findOne({
      where: { id: true },
      transaction: tx,
      lock: tx.LOCK.UPDATE,
      rejectOnEmpty: true,
    });
    return shown(row);
  },
  async write(settings, tx) {
    const [, [row]] = await RuntimeSettings.update(
      { settings },
      { where: { id: true }, returning: true, transaction: tx },
    );
    return shown(row!);
  },
};

// raw-sql: concurrent first writers must wait for one another, though there is no row to lock yet.

const schemaRecord = recordOf(StoredAttributeSchema, 'id', 'createdAt', 'updatedAt');
export type AttributeSchemaRecord = RecordOf<typeof schemaRecord>;

/** The schema of the attributes of accounts, unless the configuration has it. */
export interface AttributeSchemas {
  find(): Promise<AttributeSchemaRecord | null>;
  /** The same, locked against changes until the transaction ends. */
  lock(tx: Tx): Promise<AttributeSchemaRecord | null>;
  save(schema: AttributeSchemaInput, tx: Tx): Promise<AttributeSchemaRecord>;
}

const find = async (tx: Tx | null) => {
  const row = await StoredAttributeSchema.findOne({ transaction: tx });
  return row && schemaRecord.from(row);
};

export const attributeSchemas: AttributeSchemas = {
  find: () => find(null),
  async lock(tx) {
    await tx.query('lock table attribute_schemas in share row exclusive mode');
    return find(tx);
  },
  async save(schema, tx) {
    const row = await StoredAttributeSchema.findOne({ transaction: tx });
    if (!row) return schemaRecord.from(await StoredAttributeSchema.create({ schema }, { transaction: tx }));
    await row.update({ schema }, { transaction: tx });
    // With the version that the database has given it.
    return schemaRecord.from(await row.reload({ transaction: tx }));
  },
};

export type { MailTextsByLanguage } from './models/settings.ts';

const textsRecord = recordOf(Row, 'id');
export type MailTextsRecord = RecordOf<typeof textsRecord>;

/** The sentences of mail that operators changed. */
export interface MailTexts {
  read(): Promise<MailTextsRecord>;
  /** The same, locked until the transaction ends. */
  lock(tx: Tx): Promise<MailTextsRecord>;
  write(texts: MailTextsByLanguage, tx: Tx): Promise<MailTextsRecord>;
}

/** The one row. */
const ID = 'mail';

export const mailTexts: MailTexts = {
  read: async () => textsRecord.from(await Row.findByPk(ID, { rejectOnEmpty: true })),
  lock: async (tx) =>
    textsRecord.from(await Row.findByPk(ID, { transaction: tx, lock: tx.LOCK.UPDATE, rejectOnEmpty: true })),
  async write(texts, tx) {
    const [, [row]] = await Row.update({ texts }, { where: { id: ID }, returning: true, transaction: tx });
    return textsRecord.from(row!);
  },
};

// raw-sql: only one configuration is applied at a time.

const ownedRecord = recordOf(OwnedResource, 'createdAt', 'updatedAt');
export type OwnedResourceRecord = RecordOf<typeof ownedRecord>;

/** Which resources belong to a configuration file. */
export interface OwnedResources {
  list(): Promise<OwnedResourceRecord[]>;
  /** Keeps others from applying a file until the transaction ends. */
  lockAll(tx: Tx): Promise<void>;
  save(resource: OwnedResourceRecord, tx: Tx): Promise<void>;
  delete(kind: string, id: string, tx: Tx): Promise<void>;
}

export const ownedResources: OwnedResources = {
  list: async () => (await OwnedResource.findAll()).map(ownedRecord.from),
  lockAll: async (tx) => void (await tx.query('lock table owned_resources in share row exclusive mode')),
  save: async (resource, tx) => void (await OwnedResource.upsert(resource, { transaction: tx })),
  delete: async (kind, id, tx) =>
    void (await OwnedResource.destroy({ where: { kind, id }, transaction: tx })),
};

const stateRecord = recordOf(ContractState);
export type ContractStateRecord = RecordOf<typeof stateRecord>;

export interface ContractStates {
  /** Those that were opened or closed at run time. */
  list(): Promise<ContractStateRecord[]>;
  /** The state of a contract, created with `open` where there is none, and locked until the transaction ends. */
  lock(name: string, open: boolean, tx: Tx): Promise<ContractStateRecord>;
  set(name: string, open: boolean, tx: Tx): Promise<ContractStateRecord>;
}

/** Which contracts are open, over what the configuration says, in PostgreSQL. */
export const contractStates: ContractStates = {
  list: async () => (await ContractState.findAll()).map(stateRecord.from),
  async lock(name, open, tx) {
    await insertUnlessThere(ContractState, { name, open }, tx);
    const state = await ContractState.findByPk(name, {
      transaction: tx,
      lock: tx.LOCK.UPDATE,
      rejectOnEmpty: true,
    });
    return stateRecord.from(state);
  },
  async set(name, open, tx) {
    const [, [state]] = await ContractState.update(
      { open },
      { where: { name }, returning: true, transaction: tx },
    );
    return stateRecord.from(state!);
  },
};
