import { z } from 'zod';
import type { ShownAttributes } from '../../domain/attributes/index.ts';
import type { TextForm } from '../../core/text.ts';
import { USERNAME_FORM } from '../../domain/identifiers.ts';
import { rolesOf } from '../../domain/operators/rights.ts';
import { isEmailVerified } from '../../domain/ownership/address.ts';
import { ADDRESS_LINE_FORM, STREET_FORM } from '../../domain/users/claims.ts';
import type { User } from '../../domain/users/index.ts';
import { eachClaim, profileClaims } from '../../domain/users/profile-fields.ts';
import { text } from '../endpoints/text.ts';

const moment = z.iso.datetime();

const Address = z.strictObject({
  street_address: z.string().optional(),
  locality: z.string().optional(),
  region: z.string().optional(),
  postal_code: z.string().optional(),
  country: z.string().optional(),
});

const values = z.record(z.string(), z.unknown());

const attributeName = text('The name of an attribute');
const value = z.union([text('A text'), z.number(), z.boolean(), z.array(text('A text')).max(100)]);

/** Changes of attributes (RFC 7396). */
export const attributeChanges = z
  .record(attributeName, value.nullable())
  .describe(
    'According to the schema at `/api/v2/attributes`: null removes an attribute, omitted ones stay unchanged',
  );
const change = (description: string, form: TextForm) =>
  text(`${description}; null removes it`, form).nullish();
const part = (description: string, form = ADDRESS_LINE_FORM) => text(description, form).nullish();
/** Fields that the owner may change. */
export const ProfileChanges = z.strictObject({
  username: change('3 to 64 letters, digits and . _ -', USERNAME_FORM),
  ...eachClaim(({ description, form }) => change(description, form)),
  address: z
    .strictObject({
      street_address: part('Up to four lines', STREET_FORM),
      locality: part('A city or town'),
      region: part('A state, province or prefecture'),
      postal_code: part('A postal code'),
      country: part('The name of a country'),
    })
    .describe('Replaces the whole address; null removes it')
    .nullish(),
  attributes: attributeChanges.optional(),
});

/** An account as shown to its owner, their apps and operators. */
export const Profile = z.strictObject({
  id: z.string().describe('The `sub` in the client’s tokens'),
  username: z.string().nullable(),
  email: z.string(),
  email_verified: z.boolean(),
  ...eachClaim(({ replyDescription: description }) => z.string().nullable().meta({ description })),
  phone_number_verified: z.boolean(),
  address: Address.nullable(),
  attributes: values.describe('Attributes of the schema at `/api/v2/attributes`, by name'),
  invalid_attributes: values.describe(
    'Attributes stored under an earlier schema that no longer fit: apps do not get them',
  ),
  roles: z.array(z.string()),
  has_password: z.boolean(),
  created_at: moment,
  updated_at: moment,
  last_login_at: moment.nullable(),
});

/** @param id the subject for the token's client, which may be pairwise. @param attributes those visible to the reader. */
export const profileOf = (user: User, id: string, attributes: ShownAttributes): z.infer<typeof Profile> => ({
  id,
  username: user.username,
  email: user.email,
  email_verified: isEmailVerified(user),
  ...profileClaims(user),
  phone_number_verified: user.phoneNumberVerifiedAt !== null,
  address: user.address,
  ...attributes,
  roles: rolesOf(user),
  has_password: user.hasPassword,
  created_at: user.createdAt.toISOString(),
  updated_at: user.updatedAt.toISOString(),
  last_login_at: user.lastLoginAt?.toISOString() ?? null,
});
