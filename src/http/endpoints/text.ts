import { z } from 'zod';

/** Text that PostgreSQL and every client can hold: well-formed Unicode without NUL. */
const isSound = (value: string) => value.isWellFormed() && !value.includes('\0');

/** A required string of a request. Its own rules (length, form) are the domain's. */
export const text = (description: string) =>
  z.string().refine(isSound, 'must be well-formed text without NUL').describe(description);

/** A secret as it was typed: whatever it is, it is compared and never stored as it is. */
export const secret = (description: string) => z.string().describe(description);
