import { z } from 'zod';

/** What a query has as digits is a number. */
export const digits = (value: unknown) =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;

/** How many items of a list, as a query says it. */
export const limit = z.preprocess(digits, z.int().min(1).max(100).default(50));
