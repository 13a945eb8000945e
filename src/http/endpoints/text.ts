import { z } from 'zod';
import type { Context } from 'koa';
import type { TextForm } from '../../core/text.ts';

/** Text that PostgreSQL and every client can store: well-formed Unicode without NUL. */
const isSound = (value: string) => value.isWellFormed() && !value.includes('\0');
const SOUND = String.raw`^[^\0\ud800-\udfff]*$`;

/**
 * A required string of a request.
 * @param form its form for documents. The domain enforces the actual rule (length, form) and words the refusal.
 */
export const text = (description: string, form?: TextForm) =>
  z
    .string()
    .refine(isSound, 'must be well-formed text without NUL')
    .meta({ description, ...(form ?? { pattern: SOUND }) });

/** A submitted secret. It is only compared, and never stored in plain text. */
export const secret = (description: string) => z.string().describe(description);

const newPasswords = new WeakSet<z.core.$ZodType>();

/** A new password. The operator sets its minimum length. */
export function newPassword(description: string) {
  const schema = z.string().meta({ description, pattern: SOUND, examples: ['correct horse battery staple'] });
  newPasswords.add(schema);
  return schema;
}

/** Whether a schema is for a new password. */
export const isNewPassword = (schema: z.core.$ZodType): boolean => newPasswords.has(schema);

const issuedSecrets = new WeakSet<z.core.$ZodType>();

/**
 * A secret that a reply shows once: of a client, a token, a key. Declare each in a reply with this function and chain nothing
 * to it; it may be nested in objects, lists and nullable or optional members. A replay of the request (Idempotency-Key) has
 * null in its place.
 */
export function issuedSecret(description: string) {
  const schema = z
    .string()
    .nullable()
    .meta({ description: `${description}; null in a replay` });
  issuedSecrets.add(schema);
  return schema;
}

/** A value of `schema` with null for every issued secret. */
export function withoutSecrets(schema: z.core.$ZodType, value: unknown): unknown {
  if (issuedSecrets.has(schema)) return null;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return withoutSecrets(schema.unwrap(), value);
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((item) => withoutSecrets(schema.element, item));
  if (!(schema instanceof z.ZodObject) || typeof value !== 'object' || value === null) return value;
  const shape: Record<string, z.core.$ZodType | undefined> = schema.shape;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const inner = shape[name];
      return [name, inner ? withoutSecrets(inner, member) : member];
    }),
  );
}

/** The client's preferred language (RFC 9110 section 12.5.4), for mail to an account without one. */
export const localeOf = (ctx: Context): string | undefined =>
  /^[a-z]{2,3}(?:-[a-z\d]{2,8})*/i.exec(ctx.get('Accept-Language'))?.[0];
