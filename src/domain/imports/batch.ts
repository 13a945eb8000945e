import { DomainError, isDomainError } from '../../core/errors.ts';
import type { Actor } from '../../core/actor.ts';
import type { Known } from '../../storage/imports.ts';
import type { Staging } from '../../storage/import-staging.ts';
import type { Tx } from '../../storage/postgres/transaction.ts';
import type { Stores } from '../../storage/stores.ts';
import { BUILT_IN_ROLES, CONTRACT_ADMIN } from '../operators/permissions.ts';
import type { SessionRevoker } from '../session-revoker.ts';
import {
  claimsOf,
  conflictOf,
  describeSeen,
  findPresent,
  type Present,
  type Seen,
  sourceKey,
  speltAs,
} from './conflicts.ts';
import { changesOf } from './changes.ts';
import { type Candidate, type ImportOptions, sha256 } from './preparation.ts';
import { Refused, type Warning } from './problems.ts';

export type Result =
  | { outcome: 'created' | 'updated' | 'skipped'; warnings: Warning[] }
  | { outcome: 'failed'; refused: Refused };

export interface BatchDependencies extends Pick<Stores, 'imports' | 'users' | 'inTransaction'> {
  sessions: SessionRevoker;
  staging: Pick<Staging, 'see'>;
  isPrivileged(role: string): Promise<boolean>;
}

/** Built-in roles. */
const isBuiltIn = (role: string): boolean =>
  role === 'user' || role === CONTRACT_ADMIN.role || Object.hasOwn(BUILT_IN_ROLES, role);

type Decision =
  | { kind: 'create' }
  | { kind: 'update'; accountId: string; known: Known | null }
  | { kind: 'done'; result: Result };

const done = (result: Result): Decision => ({ kind: 'done', result });
const skipped = (warnings: Warning[] = []): Decision => done({ outcome: 'skipped', warnings });
const failed = (refused: Refused): Decision => done({ outcome: 'failed', refused });

/** SQLSTATEs that a retry may avoid: deadlock, serialization, a key that was just taken. */
const RETRIED = new Set(['40P01', '40001', '23505']);
const TRIES = 10;

function isRetried(error: unknown): boolean {
  if (isDomainError(error, 'email_taken') || isDomainError(error, 'username_taken')) return true;
  const { code, original } = error as { code?: string; original?: { code?: string } };
  return RETRIED.has(original?.code ?? code ?? '');
}

/** In place of the digest of a password that no import of the account may replace. */
const OURS = 'none of the source';

/** Fewer than may wait in the hashing queue. */
const HASHES_AT_ONCE = 8;

/** Hashes the pending passwords. */
async function finish(candidates: readonly Candidate[]): Promise<void> {
  const left = candidates.filter((one) => one.finish !== null).values();
  const work = async () => {
    for (const candidate of left)
      candidate.user.passwordHash = (await candidate.finish?.()) ?? candidate.user.passwordHash;
  };
  await Promise.all(Array.from({ length: HASHES_AT_ONCE }, work));
}

/** Writes batches of an import. */
export function createBatches(
  dependencies: BatchDependencies,
  options: ImportOptions,
  { run, actor }: { run: string; actor: Actor },
) {
  const { imports, users, sessions, inTransaction, staging } = dependencies;
  const needsTies = options.onConflict === 'update';

  const onConflict = (refused: Refused, accountId: string | null, known: Known | null): Decision => {
    if (options.onConflict === 'skip')
      return skipped(known ? [] : [{ code: refused.code, message: refused.message }]);
    if (options.onConflict === 'fail' || accountId === null) return failed(refused);
    return { kind: 'update', accountId, known };
  };

  /** @param claimed keys that earlier records of the batch have taken. */
  const decide = (candidate: Candidate, present: Present, claimed: Map<string, Seen>): Decision => {
    const key = sourceKey(candidate);
    const known = present.known.get(key) ?? null;
    const before = claimed.get(key);
    const digest = known?.recordDigest ?? before?.digest;
    // The same record again: from an earlier run, or a duplicate.
    if (digest === candidate.digest) return skipped();
    if (before !== undefined || known?.run === run) {
      const where = before ? `line ${before.line}` : 'an earlier record';
      const message = `${where} has the same id at ${candidate.source}, ${candidate.record.sourceId}: the first one is kept`;
      return options.onConflict === 'skip' ? skipped() : failed(new Refused('duplicate_id', message));
    }
    if (known) {
      const message = `${known.sourceId} was imported before, and its record has changed: use --on-conflict update or skip`;
      return onConflict(new Refused('duplicate_id', message), known.accountId, known);
    }
    const taken = claimsOf(candidate).find(([, claim]) => claimed.has(claim));
    if (taken) {
      const [code, claim] = taken;
      const refused = new Refused(code, describeSeen(candidate, claim, claimed.get(claim)));
      return onConflict(refused, null, null);
    }
    const conflict = conflictOf(candidate, present);
    if (!conflict) return { kind: 'create' };
    const { code, message, holder } = conflict;
    const isSame = (code === 'duplicate_id' || code === 'duplicate_email') && holder?.status !== 'deleted';
    // Another person of the same source is a duplicate, not an earlier state.
    const isTied = holder && present.ties.has(`${holder.id} ${candidate.source}`);
    return onConflict(new Refused(code, message), isSame && holder && !isTied ? holder.id : null, null);
  };

  const claim = (candidate: Candidate, claimed: Map<string, Seen>): void => {
    const seen = { line: candidate.line, digest: candidate.digest };
    for (const [, key] of claimsOf(candidate)) claimed.set(key, { ...seen, spelt: speltAs(candidate, key) });
    claimed.set(sourceKey(candidate), { ...seen, spelt: '' });
  };

  /** Everything of new accounts except the account rows. */
  const writeBelongings = async (created: readonly Candidate[], tx: Tx): Promise<void> => {
    await imports.remember(
      created.map(({ source, record, user, rest, digest }) => ({
        source,
        sourceId: record.sourceId,
        accountId: user.id,
        recordDigest: digest,
        run,
        passwordDigest:
          options.way === 'login' ? OURS : user.passwordHash === null ? null : sha256(user.passwordHash),
        attributes: rest,
        way: options.way,
      })),
      tx,
    );
    await imports.insertTotp(
      created.flatMap(({ totp }) => totp),
      tx,
    );
    const codes = created.flatMap(({ user, recoveryCodes }) =>
      recoveryCodes.map((hash) => ({ accountId: user.id, hash })),
    );
    await imports.insertRecoveryCodes(codes, tx);
    await imports.recordEach(
      'user.imported',
      created.map(({ source, record, user }) => ({
        subject: user.id,
        details: {
          source,
          source_id: record.sourceId,
          roles: user.roles,
          ...(options.way !== 'import' && { way: options.way }),
        },
      })),
      actor,
      tx,
    );
  };

  /** Identities, groups and roles, of new and of updated accounts. */
  const writeTies = async (
    accounts: readonly { candidate: Candidate; accountId: string; isLinked: boolean }[],
    tx: Tx,
  ): Promise<Map<Candidate, Warning[]>> => {
    const warnings = new Map(accounts.map(({ candidate }): [Candidate, Warning[]] => [candidate, []]));
    const roles = new Set(accounts.flatMap(({ candidate }) => candidate.user.roles));
    await imports.insertRoles(
      [...roles].filter((role) => !isBuiltIn(role)),
      `Imported from ${options.source}`,
      tx,
    );

    const wanted = accounts.flatMap(({ candidate, accountId, isLinked }) =>
      isLinked ? candidate.identities.map((one) => ({ ...one, accountId, candidate })) : [],
    );
    const nameOf = (one: { upstream: string; issuer: string; subject: string }) =>
      JSON.stringify([one.upstream, one.issuer, one.subject]);
    const inserted = new Set((await imports.insertIdentities(wanted, tx)).map(nameOf));
    for (const one of wanted)
      if (!inserted.delete(nameOf(one)) && one.accountId === one.candidate.user.id)
        warnings.get(one.candidate)?.push({
          code: 'identity_not_imported',
          message: `${one.subject} at ${one.upstream} is already linked`,
        });

    const byKey = new Map(
      accounts.flatMap(({ candidate }) => candidate.record.groups.map((one) => [one.nameKey, one] as const)),
    );
    const groups = new Map<string, { id: string; isPrivileged: boolean }>();
    for (const { id, nameKey, roles: groupRoles } of await imports.groupsOf([...byKey.values()], tx)) {
      const isPrivileged = (await Promise.all(groupRoles.map(dependencies.isPrivileged))).includes(true);
      groups.set(nameKey, { id, isPrivileged });
    }
    const members = accounts.flatMap(({ candidate, accountId }) =>
      candidate.record.groups.flatMap(({ name, nameKey }) => {
        const group = groups.get(nameKey);
        if (!group?.isPrivileged) return group ? [{ groupId: group.id, accountId }] : [];
        const message = `the group ${JSON.stringify(name)} has management permissions: add its members by hand`;
        warnings.get(candidate)?.push({ code: 'group_not_imported', message });
        return [];
      }),
    );
    await imports.insertMembers(members, tx);
    return warnings;
  };

  const update = async (
    { candidate, accountId, known }: { candidate: Candidate; accountId: string; known: Known | null },
    present: Present,
    tx: Tx,
  ): Promise<Result> => {
    const account = await users.lock(accountId, tx);
    // Its owner deleted it, and it is kept for a while: an import does not restore it.
    if (!account) return { outcome: 'skipped', warnings: [] };
    const changes = await changesOf({ candidate, known, account, present }, dependencies.isPrivileged);
    if (Object.keys(changes).length > 0) await users.update(account.id, changes, tx);
    // A first password ends nothing: until now the account had only what its source vouched for.
    const replacesPassword = changes.passwordHash !== undefined && account.passwordHash !== null;
    if (replacesPassword || changes.status === 'suspended') {
      await users.advanceSecurity(account.id, tx);
      await sessions.revokeAll(account.id, tx);
    }
    const { source, record, digest, user, rest } = candidate;
    const written =
      changes.passwordHash === undefined ? (known?.passwordDigest ?? null) : sha256(user.passwordHash ?? '');
    // An account from elsewhere keeps its password: no later import may replace it.
    const passwordDigest = known ? written : OURS;
    await imports.remember(
      [
        {
          source,
          sourceId: record.sourceId,
          accountId,
          recordDigest: digest,
          run,
          passwordDigest,
          attributes: rest,
          way: options.way,
        },
      ],
      tx,
    );
    const fields = Object.keys(changes).filter((name) => !name.endsWith('Key'));
    const details = { source, source_id: record.sourceId, fields };
    await imports.recordEach('user.imported', [{ subject: accountId, details }], actor, tx);
    return { outcome: 'updated', warnings: [] };
  };

  /** One pass over the remaining records. Records that a concurrent transaction took are left for the next pass. */
  const round = async (
    left: readonly Candidate[],
    results: Map<Candidate, Result>,
    tx: Tx,
  ): Promise<Candidate[]> => {
    const present = await findPresent(imports, left, { needsTies }, tx);
    const claimed = new Map<string, Seen>();
    const creates: Candidate[] = [];
    const updates: { candidate: Candidate; accountId: string; known: Known | null }[] = [];
    for (const candidate of left) {
      const decision = decide(candidate, present, claimed);
      if (decision.kind === 'done') results.set(candidate, decision.result);
      else claim(candidate, claimed);
      if (decision.kind === 'create') creates.push(candidate);
      if (decision.kind === 'update') updates.push({ ...decision, candidate });
    }
    if (creates.length > 0 && present.givingWay.length > 0) await imports.renumber(present.givingWay, tx);
    const inserted = await imports.insertUsers(
      creates.map(({ user }) => user),
      tx,
    );
    const created = creates.filter(({ user }) => inserted.has(user.id));
    if (
      created.length > 0 &&
      (
        await imports.reserved(
          created.map(({ user }) => user.emailKey),
          tx,
        )
      ).length > 0
    )
      // An account has just given up one of these addresses: the next attempt sees it.
      throw new DomainError('email_taken', { field: 'email' });
    await writeBelongings(created, tx);
    for (const candidate of created) results.set(candidate, { outcome: 'created', warnings: [] });
    for (const one of updates) {
      try {
        results.set(one.candidate, await update(one, present, tx));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        results.set(one.candidate, { outcome: 'failed', refused: error });
      }
    }
    const tied = [
      ...created.map((candidate) => ({ candidate, accountId: candidate.user.id, isLinked: true })),
      ...updates
        .filter(({ candidate }) => results.get(candidate)?.outcome === 'updated')
        .map(({ candidate, accountId, known }) => ({ candidate, accountId, isLinked: known !== null })),
    ];
    for (const [candidate, warnings] of await writeTies(tied, tx)) {
      const result = results.get(candidate);
      if (result && 'warnings' in result) result.warnings.push(...warnings);
    }
    return creates.filter(({ user }) => !inserted.has(user.id));
  };

  const write = (candidates: readonly Candidate[]): Promise<Map<Candidate, Result>> =>
    inTransaction(async (tx) => {
      await imports.lock(tx);
      const results = new Map<Candidate, Result>();
      let left = [...candidates];
      for (let tries = 0; left.length > 0; tries += 1) {
        if (tries === TRIES) throw new DomainError('unavailable');
        left = await round(left, results, tx);
      }
      return results;
    });

  const tryOut = async (candidates: readonly Candidate[]): Promise<Map<Candidate, Result>> => {
    const present = await findPresent(imports, candidates, { needsTies });
    const claimed = new Map<string, Seen>();
    const results = new Map<Candidate, Result>();
    const keysOf = (candidate: Candidate) => [
      ...claimsOf(candidate).map(([, key]) => key),
      sourceKey(candidate),
    ];
    const creates: Candidate[] = [];
    for (const candidate of candidates) {
      const decision = decide(candidate, present, claimed);
      if (decision.kind !== 'done') claim(candidate, claimed);
      if (decision.kind === 'create') creates.push(candidate);
      results.set(
        candidate,
        decision.kind === 'done'
          ? decision.result
          : { outcome: decision.kind === 'create' ? 'created' : 'updated', warnings: [] },
      );
    }
    // What earlier batches would have created.
    const seen = await staging.see(creates.flatMap(keysOf));
    for (const candidate of creates) {
      const twice = claimsOf(candidate).find(([, key]) => seen.has(key));
      const isSameRecord = seen.has(sourceKey(candidate));
      if (!twice && !isSameRecord) continue;
      const [code, key] = twice ?? (['duplicate_id', `id:${candidate.record.sourceId}`] as const);
      const refused = new Refused(code, describeSeen(candidate, key, undefined));
      results.set(
        candidate,
        options.onConflict === 'skip' ? { outcome: 'skipped', warnings: [] } : { outcome: 'failed', refused },
      );
    }
    return results;
  };

  /** Whether a record is already stored unchanged: it costs nothing more. */
  const unchanged = async (candidates: readonly Candidate[]): Promise<Set<Candidate>> => {
    const rows = await imports.known(
      candidates.map(({ source, record: { sourceId } }) => ({ source, sourceId })),
    );
    const digests = new Map(
      rows.map((row) => [JSON.stringify([row.source, row.sourceId]), row.recordDigest]),
    );
    return new Set(candidates.filter((one) => digests.get(sourceKey(one)) === one.digest));
  };

  /** Imports a batch, all or nothing. @returns the result of each record. */
  return async (candidates: readonly Candidate[]): Promise<Map<Candidate, Result>> => {
    const same = await unchanged(candidates);
    const rest = candidates.filter((one) => !same.has(one));
    const results = new Map<Candidate, Result>(
      [...same].map((one) => [one, { outcome: 'skipped', warnings: [] }]),
    );
    const add = (more: Map<Candidate, Result>) => {
      for (const [candidate, result] of more) results.set(candidate, result);
      return results;
    };
    if (rest.length === 0) return results;
    if (options.isDryRun) return add(await tryOut(rest));
    await finish(rest);
    for (let tries = 1; ; tries += 1) {
      try {
        return add(await write(rest));
      } catch (error) {
        if (tries === TRIES || !isRetried(error)) throw error;
      }
    }
  };
}
