import { secret, z } from 'postern/door';
export const LoginRequest = z.object({
  email: z.string().describe("The reader's address"),
  pin: secret("The reader's secret"),
});

/** Strict: a reply with a field too many is a defect. */
export const Reader = z.strictObject({ number: z.int(), email: z.string(), since: z.iso.date() });
export const Session = z.strictObject({ card: z.string(), reader: Reader });

export const Problem = z.strictObject({ problem: z.string(), status: z.int() });
