/** Idempotent requests: repeated ones are done once, identified by the caller's key. */
import { DomainError } from '../core/errors.ts';
import type { Secrets } from '../core/secrets.ts';
import type { IdempotentRequests, KeptReply } from '../storage/idempotent-requests.ts';
import type { Stores } from '../storage/stores.ts';

interface KeyedRequest {
  /** Chosen by the caller. */
  key: string;
  /** The caller. */
  caller: string;
  /** The method and the path with its query. */
  target: string;
  /** What else distinguishes the request: undefined for none. */
  body: unknown;
}

/**
 * Does `act` once for a key of a caller and a target, and stores its reply for 24 hours in the same transaction. Failures are
 * not stored: the request may be retried.
 * @param act the action; returns its reply and that of a replay, which repeats no secret.
 * @returns the reply, and whether it is a replay.
 * @throws DomainError idempotency_mismatch for another body, idempotency_in_progress while the same key is at work.
 */
export type Once = <Reply extends KeptReply>(
  request: KeyedRequest,
  act: () => Promise<{ reply: Reply; kept: KeptReply }>,
) => Promise<{ reply: Reply | KeptReply; isReplay: boolean }>;

export function createOnce({
  requests,
  secrets,
  asOne,
}: Pick<Stores, 'asOne'> & { requests: IdempotentRequests; secrets: Pick<Secrets, 'mac'> }): Once {
  // Bodies may contain passwords; a plain hash would allow guessing them.
  const digest = (value: unknown) => secrets.mac('idempotency', JSON.stringify(value ?? null));
  return ({ key, caller, target, body }, act) => {
    const id = digest([caller, target, key]);
    const fingerprint = digest(body);
    return asOne(async (tx) => {
      if (!(await requests.lock(id, tx))) throw new DomainError('idempotency_in_progress');
      const before = await requests.find(id, tx);
      if (before) {
        if (before.fingerprint !== fingerprint) throw new DomainError('idempotency_mismatch');
        return { reply: before.reply, isReplay: true };
      }
      const { reply, kept } = await act();
      await requests.keep(id, fingerprint, kept, tx);
      return { reply, isReplay: false };
    });
  };
}
