// raw-sql: an advisory lock.
import { Op } from 'sequelize';
import { FirstStep } from './models/settings.ts';
import type { Tx } from './postgres/transaction.ts';

/** Completed first steps that no other data shows; `over`: the list was dismissed. */
export type ConfirmedStep = FirstStep['step'];

const list = async (tx: Tx | null): Promise<ConfirmedStep[]> =>
  (await FirstStep.findAll({ transaction: tx })).map(({ step }) => step);

export const firstSteps = {
  list: () => list(null),
  /** The same, locked until the transaction ends. */
  async lock(tx: Tx): Promise<ConfirmedStep[]> {
    await tx.query("select pg_advisory_xact_lock(hashtext('postern.first_steps'))");
    return list(tx);
  },
  /** Replaces them. */
  async write(steps: readonly ConfirmedStep[], tx: Tx): Promise<void> {
    await FirstStep.destroy({ where: { step: { [Op.notIn]: [...steps] } }, transaction: tx });
    await FirstStep.bulkCreate(
      steps.map((step) => ({ step })),
      { ignoreDuplicates: true, transaction: tx },
    );
  },
};
