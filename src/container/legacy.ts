import type { Config } from '../config/index.ts';
import { createOutboundFetch, type OutboundFetch } from '../oidc/outbound/fetch.ts';

/** Bytes of a legacy source's reply: an account, and some space. */
const MAX_REPLY = 131_072;

/** What asks legacy sources. @param timeout milliseconds. */
export const sourceFetch =
  ({ outbound }: Pick<Config, 'outbound'>) =>
  (timeout: number): OutboundFetch =>
    createOutboundFetch(outbound, { timeout, maxBytes: MAX_REPLY });
