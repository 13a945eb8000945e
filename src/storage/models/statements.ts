import {
  EmptyResultError,
  type Attributes,
  type CreateOptions,
  type CreationAttributes,
  type Model,
  type ModelStatic,
} from 'sequelize';
import type { Tx } from '../postgres/transaction.ts';

/**
 * Inserts a row, unless one is there that any of its unique keys forbids it: one statement, so of any number of tries
 * whose transactions commit one succeeds. @returns the new row, or null.
 */
export async function insertUnlessThere<M extends Model>(
  model: ModelStatic<M>,
  values: CreationAttributes<M>,
  tx: Tx,
): Promise<M | null> {
  // Named, because the literal's type would say that nothing comes back.
  const options: CreateOptions<Attributes<M>> = { ignoreDuplicates: true, transaction: tx };
  try {
    return await model.create(values, options);
  } catch (error) {
    if (error instanceof EmptyResultError) return null;
    throw error;
  }
}
