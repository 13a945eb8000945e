import { z } from 'zod';

const uri = z.string().refine((value) => URL.canParse(value));
const names = z.array(z.string().min(1)).min(1);

/** The client metadata `identity_assertions`: which identities a client may have asserted to other servers. */
export const identityAssertions = z
  .array(
    z.strictObject({
      /** The issuer of the receiving authorization server. */
      audience: uri,
      /** The client's id there; its id here by default. */
      client_id: z.string().min(1).optional(),
      /** The resources that it may ask for there; any by default. */
      resources: z.array(uri).min(1).optional(),
      /** The scopes that it may ask for there; any by default. */
      scopes: names.optional(),
      /**
       * Whose identity may be asserted: holders of one of the roles, or members of one of the groups; everybody by
       * default.
       */
      roles: names.optional(),
      groups: names.optional(),
    }),
  )
  .max(50);

export const IDENTITY_ASSERTIONS_FORM =
  'must be like [{"audience":"https://auth.chat.example","client_id":"f53f191f9311af35","scopes":["chat.read"],"groups":["staff"]}]';
