// raw-sql: the first one to set it and the next one must wait for one another, though there is no row to lock yet.
import type { AttributeSchemaInput } from '../config/attributes.ts';
import { StoredAttributeSchema } from './models/attribute-schema.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(StoredAttributeSchema, 'id', 'createdAt', 'updatedAt');
export type AttributeSchemaRecord = RecordOf<typeof record>;

/** The schema of the attributes of accounts, unless the configuration has it. */
export interface AttributeSchemas {
  find(): Promise<AttributeSchemaRecord | null>;
  /** The same, and nobody else changes it until the transaction ends. */
  lock(tx: Tx): Promise<AttributeSchemaRecord | null>;
  save(schema: AttributeSchemaInput, tx: Tx): Promise<AttributeSchemaRecord>;
}

const find = async (tx: Tx | null) => {
  const row = await StoredAttributeSchema.findOne({ transaction: tx });
  return row && record.from(row);
};

export const attributeSchemas: AttributeSchemas = {
  find: () => find(null),
  async lock(tx) {
    await tx.query('lock table attribute_schemas in share row exclusive mode');
    return find(tx);
  },
  async save(schema, tx) {
    const row = await StoredAttributeSchema.findOne({ transaction: tx });
    if (!row) return record.from(await StoredAttributeSchema.create({ schema }, { transaction: tx }));
    await row.update({ schema }, { transaction: tx });
    // With the version that the database has given it.
    return record.from(await row.reload({ transaction: tx }));
  },
};
