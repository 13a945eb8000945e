/**
 * Taking back what was done to an account with a token or a session alone, by a link to the address that it had: for
 * seven days, because whoever took the account also has what they set on it.
 */
import { confirming, type Confirming } from './confirming.ts';
import type { UndoDependencies } from './dependencies.ts';

export type { Undoable } from './offering.ts';

export type UndoLinks = Confirming;

export const createUndo = (dependencies: UndoDependencies): UndoLinks => confirming(dependencies);
