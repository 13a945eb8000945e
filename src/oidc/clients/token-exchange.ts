import { z } from 'zod';

const policySchema = z.strictObject({
  /** The APIs that it may get tokens for. */
  audiences: z.array(z.string().refine((value) => URL.canParse(value))).min(1),
  /** The clients whose tokens it may hand in, beside its own. */
  clients: z.array(z.string().min(1)).optional(),
  /** Whether it may do so without saying who acts. */
  impersonation: z.boolean().optional(),
});

/** What a client may get by token exchange: its metadata `token_exchange`. */
export type TokenExchangePolicy = z.infer<typeof policySchema>;

/** What is wrong with a client's `token_exchange`, or null. */
export const policyProblem = (value: unknown): string | null =>
  policySchema.safeParse(value).success
    ? null
    : 'must be like {"audiences":["https://api.example.com"],"clients":["<client_id>"],"impersonation":false}';
