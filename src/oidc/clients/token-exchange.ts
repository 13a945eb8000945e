import { z } from 'zod';

/** A client's policy for token exchange: its metadata `token_exchange`. */
export const tokenExchange = z.strictObject({
  /** The APIs that it may obtain tokens for. */
  audiences: z.array(z.string().refine((value) => URL.canParse(value))).min(1),
  /** Clients whose tokens it may present besides its own. */
  clients: z.array(z.string().min(1)).optional(),
  /** Whether it may exchange without an actor token (impersonation). */
  impersonation: z.boolean().optional(),
});

export type TokenExchangePolicy = z.infer<typeof tokenExchange>;

export const TOKEN_EXCHANGE_FORM =
  'must be like {"audiences":["https://api.example.com"],"clients":["<client_id>"],"impersonation":false}';
