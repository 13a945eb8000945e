import { ContractState } from './models/contract-state.ts';
import { recordOf, type RecordOf } from './models/define.ts';
import { insertUnlessThere } from './models/statements.ts';
import type { Tx } from './postgres/transaction.ts';

const record = recordOf(ContractState);
export type ContractStateRecord = RecordOf<typeof record>;

export interface ContractStates {
  /** Those that were opened or closed at run time. */
  list(): Promise<ContractStateRecord[]>;
  /** The state of a contract, made as `open` where there is none, and locked until the transaction ends. */
  lock(name: string, open: boolean, tx: Tx): Promise<ContractStateRecord>;
  set(name: string, open: boolean, tx: Tx): Promise<ContractStateRecord>;
}

/** Which contracts are open, over what the configuration says, in PostgreSQL. */
export const contractStates: ContractStates = {
  list: async () => (await ContractState.findAll()).map(record.from),
  async lock(name, open, tx) {
    await insertUnlessThere(ContractState, { name, open }, tx);
    const state = await ContractState.findByPk(name, {
      transaction: tx,
      lock: tx.LOCK.UPDATE,
      rejectOnEmpty: true,
    });
    return record.from(state);
  },
  async set(name, open, tx) {
    const [, [state]] = await ContractState.update(
      { open },
      { where: { name }, returning: true, transaction: tx },
    );
    return record.from(state!);
  },
};
