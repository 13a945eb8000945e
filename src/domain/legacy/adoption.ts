import type { LegacySourceSettings } from '../../config/index.ts';
import type { Actor } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import { newUuid } from '../../core/ids.ts';
import type { Audit } from '../../storage/audit.ts';
import { MAX_USER_NUMBER, type UserRecord, type Users } from '../../storage/users.ts';
import { type BatchDependencies, createBatches } from '../imports/batch.ts';
import {
  createPreparation,
  type ImportOptions,
  type PreparationDependencies,
} from '../imports/preparation.ts';
import { Refused } from '../imports/problems.ts';
import type { RawRecord } from '../imports/record.ts';

/**
 * Creates an account that a source has let in, or reported.
 * @param password null if not given: the source decides on it until the account has one.
 * @returns the account; `known` when it existed before, so that its own password decides; `refused` when it cannot be created,
 *   because its address belongs to another account here or the source's record is invalid: the audit has that.
 * @throws DomainError overloaded, unavailable.
 */
export type Adoption = (
  found: { source: string; record: RawRecord },
  password: string | null,
  actor: Actor,
) => Promise<UserRecord | 'known' | 'refused'>;

export interface AdoptionDependencies
  extends PreparationDependencies, Omit<BatchDependencies, 'staging' | 'users'> {
  sources: readonly LegacySourceSettings[];
  users: BatchDependencies['users'] & Pick<Users, 'findById'>;
  audit: Pick<Audit, 'record'>;
  clock: Clock;
  logger: Logger;
}

/** New numbers continue after an account's, as long as there is room for future registrations. */
const ROOM = MAX_USER_NUMBER - 100_000_000;

/** Fields to drop when another account here has the same value. */
const DISPENSABLE: Partial<Record<string, 'number' | 'username'>> = {
  duplicate_number: 'number',
  duplicate_username: 'username',
};

export function createAdoption(dependencies: AdoptionDependencies): Adoption {
  const { sources, imports, users, audit, inTransaction, clock, logger } = dependencies;
  // Staging serves dry runs; an adoption is never one.
  const batches = { ...dependencies, staging: { see: () => Promise.resolve(new Set<string>()) } };

  const optionsOf = (source: string, way: ImportOptions['way']): ImportOptions => ({
    source,
    roles: new Map(Object.entries(sources.find(({ name }) => name === source)?.roles ?? {})),
    providers: new Map(),
    isDryRun: false,
    onConflict: 'fail',
    onBadHash: 'fail',
    missingEmail: 'placeholder',
    wrapsWeak: false,
    hashParams: {},
    way,
  });

  return async ({ source, record }, password, actor) => {
    const options = optionsOf(source, password === null ? 'token' : 'login');
    const prepare = createPreparation(dependencies, options);
    const write = createBatches(batches, options, { run: newUuid(), actor });
    const refuse = async (code: string) => {
      const details = { reason: 'legacy_account_refused', source, code };
      if (password === null) {
        logger.warn({ source, code }, 'an account of an old token cannot be made');
        return 'refused' as const;
      }
      await audit.record({ type: 'login', outcome: 'failure', subject: null, details }, actor);
      return 'refused' as const;
    };

    let raw: RawRecord = {
      ...record,
      ...(sources.find(({ name }) => name === source)?.trustEmail && { email_verified: true }),
      ...(password !== null && { password_hash: password, password_hash_format: 'plain' }),
    };
    for (;;) {
      let refused: Refused;
      try {
        const { candidate } = await prepare(raw, 0, clock.now());
        const { number } = candidate.user;
        if (number > 0 && number <= ROOM) await inTransaction((tx) => imports.numberFrom(number, tx));
        const result = (await write([candidate])).get(candidate);
        if (result?.outcome === 'created') return (await users.findById(candidate.user.id)) ?? 'known';
        const { sourceId } = candidate.record;
        if ((await imports.known([{ source, sourceId }])).length > 0) return 'known';
        if (result?.outcome !== 'failed') return await refuse('unknown');
        ({ refused } = result);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refused = error;
      }
      const without = DISPENSABLE[refused.code];
      // A taken name or number must not block a login by email address.
      if (without === undefined || raw[without] === undefined || raw['email'] === undefined)
        return refuse(refused.code);
      const { [without]: _taken, ...rest } = raw;
      raw = rest;
    }
  };
}
