import { randomBytes } from 'node:crypto';
import type { Clock } from '../../../core/clock.ts';
import { sha256 } from '../../../core/ids.ts';
import { constantTimeEqual, type Secrets } from '../../../core/secrets.ts';
import type { Stores } from '../../../storage/stores.ts';

/** Purpose of a challenge. */
type Ceremony = 'register' | 'login' | 'second-factor';

export interface Challenges {
  /** A new challenge; `accountId` is null when any account may answer. */
  issue(ceremony: Ceremony, accountId: string | null): Uint8Array<ArrayBuffer>;
  /**
   * Whether the challenge (base64url) is one of ours for this ceremony and account, unexpired, and used for the first time: true
   * for one of concurrent attempts.
   * @throws DomainError unavailable when the counters are.
   */
  redeem(ceremony: Ceremony, accountId: string | null, challenge: string): Promise<boolean>;
}

/** Lifetime of a challenge in seconds. */
export const CHALLENGE_TTL = 300;

const RANDOM = 16;
/** Milliseconds since the epoch, and randomness; a MAC follows. */
const HEAD = 6 + RANDOM;
const LENGTH = HEAD + 32;

/**
 * Self-contained challenges: showing a page that accepts passkeys writes nothing. Only a use is remembered, for as long as the
 * challenge could be repeated.
 */
export function createChallenges({
  secrets,
  counters,
  clock,
}: Pick<Stores, 'counters'> & { secrets: Secrets; clock: Clock }): Challenges {
  const macOf = (head: Buffer, ceremony: Ceremony, accountId: string | null) =>
    secrets.mac('passkey-challenge', `${ceremony}\n${accountId ?? ''}\n${head.toString('base64url')}`);
  return {
    issue(ceremony, accountId) {
      const head = Buffer.alloc(HEAD);
      head.writeUIntBE(clock.now() + CHALLENGE_TTL * 1000, 0, 6);
      randomBytes(RANDOM).copy(head, 6);
      const mac = Buffer.from(macOf(head, ceremony, accountId), 'base64url');
      return Uint8Array.from([...head, ...mac]);
    },
    async redeem(ceremony, accountId, challenge) {
      const bytes = Buffer.from(challenge, 'base64url');
      if (bytes.length !== LENGTH) return false;
      const head = bytes.subarray(0, HEAD);
      const mac = bytes.subarray(HEAD).toString('base64url');
      if (!constantTimeEqual(mac, macOf(head, ceremony, accountId))) return false;
      if (head.readUIntBE(0, 6) <= clock.now()) return false;
      const { count } = await counters.add(`passkey:challenge:${sha256(mac)}`, 1, CHALLENGE_TTL);
      return count === 1;
    },
  };
}
