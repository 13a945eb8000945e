import { z } from 'zod';

/** Parses digits in a query as a number. */
export const digits = (value: unknown) =>
  typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;

/** The `limit` parameter of lists. */
export const limit = z.preprocess(digits, z.int().min(1).max(100).default(50));
