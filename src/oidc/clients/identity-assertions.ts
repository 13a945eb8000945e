import { z } from 'zod';

const uri = z.string().refine((value) => URL.canParse(value));
const names = z.array(z.string().min(1)).min(1);

/** What a client may have this server say of people to others: its metadata `identity_assertions`. */
export const identityAssertions = z
  .array(
    z.strictObject({
      /** The authorization server that is told: its issuer. */
      audience: uri,
      /** What the client is called there; as here unless given. */
      client_id: z.string().min(1).optional(),
      /** The resources that it may ask for there; any unless given. */
      resources: z.array(uri).min(1).optional(),
      /** The scopes that it may ask for there; any unless given. */
      scopes: names.optional(),
      /** Who is told of: those who have one of the roles, or are in one of the groups; everybody unless given. */
      roles: names.optional(),
      groups: names.optional(),
    }),
  )
  .max(50);

export type IdentityAssertionPolicy = z.infer<typeof identityAssertions>[number];

export const IDENTITY_ASSERTIONS_FORM =
  'must be like [{"audience":"https://auth.chat.example","client_id":"f53f191f9311af35","scopes":["chat.read"],"groups":["staff"]}]';
