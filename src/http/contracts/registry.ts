import type { Door } from './door.ts';
import * as registered from './registered.ts';

/** Every door there is. */
export const doors: readonly Door[] = Object.values(registered);
