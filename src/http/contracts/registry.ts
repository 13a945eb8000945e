import type { Contract } from './contract.ts';
import * as registered from './registered.ts';

/** Every contract there is. */
export const allContracts: readonly Contract[] = Object.values(registered);
