import { Api } from './models/api.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(Api, 'createdAt', 'updatedAt');
export type ApiRecord = RecordOf<typeof record>;

export interface Apis {
  /** Creates the API or replaces what was known of it. */
  save(api: ApiRecord, tx: Tx): Promise<void>;
  list(): Promise<ApiRecord[]>;
  /** @returns whether there was one. */
  delete(identifier: string, tx: Tx): Promise<boolean>;
}

/** The registry of APIs in PostgreSQL. */
export const apis: Apis = {
  save: async (api, tx) => void (await Api.upsert(api, { transaction: tx })),
  async list() {
    const all = await Api.findAll({ order: ['identifier'] });
    return all.map(record.from);
  },
  delete: async (identifier, tx) => (await Api.destroy({ where: { identifier }, transaction: tx })) > 0,
};
