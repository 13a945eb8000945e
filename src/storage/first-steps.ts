import { insertUnlessThere } from './models/define.ts';
import { FirstStep } from './models/settings.ts';
import type { Tx } from './postgres/transaction.ts';

/** What of the first minutes is done that nothing else shows; `over`: nobody wants to see the list any more. */
export type ConfirmedStep = FirstStep['step'];

export const firstSteps = {
  list: async (): Promise<ConfirmedStep[]> => (await FirstStep.findAll()).map(({ step }) => step),
  add: async (step: ConfirmedStep, tx: Tx): Promise<void> => {
    await insertUnlessThere(FirstStep, { step }, tx);
  },
};
