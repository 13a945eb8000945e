// raw-sql: one configuration is applied at a time, whatever it makes.
import { recordOf, type RecordOf } from './models/define.ts';
import { OwnedResource } from './models/owned-resource.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(OwnedResource, 'createdAt', 'updatedAt');
export type OwnedResourceRecord = RecordOf<typeof record>;

/** Which resources belong to a configuration file. */
export interface OwnedResources {
  list(): Promise<OwnedResourceRecord[]>;
  /** Nobody else applies a file until the transaction ends. */
  lockAll(tx: Tx): Promise<void>;
  save(resource: OwnedResourceRecord, tx: Tx): Promise<void>;
  delete(kind: string, id: string, tx: Tx): Promise<void>;
}

export const ownedResources: OwnedResources = {
  list: async () => (await OwnedResource.findAll()).map(record.from),
  lockAll: async (tx) => void (await tx.query('lock table owned_resources in share row exclusive mode')),
  save: async (resource, tx) => void (await OwnedResource.upsert(resource, { transaction: tx })),
  delete: async (kind, id, tx) =>
    void (await OwnedResource.destroy({ where: { kind, id }, transaction: tx })),
};
