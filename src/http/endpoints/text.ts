import { z } from 'zod';
import type { Context } from 'koa';
import type { TextForm } from '../../core/text.ts';

/** Text that PostgreSQL and every client can hold: well-formed Unicode without NUL. */
const isSound = (value: string) => value.isWellFormed() && !value.includes('\0');
const SOUND = String.raw`^[^\0\ud800-\udfff]*$`;

/**
 * A required string of a request.
 * @param form what documents say of it. The rule itself (length, form) is the domain's, and refuses in its own words.
 */
export const text = (description: string, form?: TextForm) =>
  z
    .string()
    .refine(isSound, 'must be well-formed text without NUL')
    .meta({ description, ...(form ?? { pattern: SOUND }) });

/** A secret as it was typed: whatever it is, it is compared and never stored as it is. */
export const secret = (description: string) => z.string().describe(description);

const newPasswords = new WeakSet<z.core.$ZodType>();

/** A password that shall be one. How long it must be is the operator's to say. */
export function newPassword(description: string) {
  const schema = z.string().meta({ description, pattern: SOUND, examples: ['correct horse battery staple'] });
  newPasswords.add(schema);
  return schema;
}

/** Whether a schema is that of a new password. */
export const isNewPassword = (schema: z.core.$ZodType): boolean => newPasswords.has(schema);

/** The language that a client asks for first (RFC 9110 section 12.5.4), for mail to an account that has none. */
export const localeOf = (ctx: Context): string | undefined =>
  /^[a-z]{2,3}(?:-[a-z\d]{2,8})*/i.exec(ctx.get('Accept-Language'))?.[0];
