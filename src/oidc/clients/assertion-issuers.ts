import { z } from 'zod';

const uri = z.string().refine((value) => URL.parse(value)?.protocol.startsWith('http'));

/** Public keys only: anybody who can read a private key could sign. */
const publicKey = z
  .looseObject({ kty: z.enum(['EC', 'OKP', 'RSA']) })
  .refine((key) => !('d' in key) && !('k' in key));

const trusted = {
  /** The `iss` of its assertions. */
  issuer: z.string().min(1),
  /** Their `sub` when they represent this client. */
  subject: z.string().min(1),
};

/** A client's metadata `assertion_issuers`. */
export const assertionIssuers = z
  .array(
    z.union([
      z.strictObject({ ...trusted, jwks: z.strictObject({ keys: z.array(publicKey).min(1) }) }),
      z.strictObject({ ...trusted, jwks_uri: uri }),
    ]),
  )
  .max(20);

export const ASSERTION_ISSUERS_FORM =
  'must be like [{"issuer":"https://ci.example.com","subject":"job:1","jwks_uri":"https://ci.example.com/jwks"}], or with jwks';
