import { z } from 'zod';
import type { Refusal } from './contract.ts';

/** `{"error":{code,message,details}}`: an error in several documents. */
export const CodedError = z.strictObject({
  error: z.strictObject({
    code: z.string(),
    message: z.string(),
    details: z.strictObject({ field: z.string().optional(), reason: z.string().optional() }),
  }),
});

export const codedError = ({ code, message, details: { field, reason } }: Refusal) => ({
  error: {
    code,
    message,
    details: { ...(field === undefined ? {} : { field }), ...(reason === undefined ? {} : { reason }) },
  },
});
