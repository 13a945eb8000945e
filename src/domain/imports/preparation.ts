import { hash as digest } from 'node:crypto';
import { newUuid } from '../../core/ids.ts';
import { placeholderAddress } from '../../core/email-address.ts';
import type { Secrets } from '../../core/secrets.ts';
import { FOREIGN } from '../../storage/factors.ts';
import type { NewTotp } from '../../storage/imports.ts';
import type { Attributes } from '../attributes/index.ts';
import type { ImportedRecord } from '../../storage/imports.ts';
import { userOf, type UserRecord } from '../../storage/users.ts';
import { parseEmail } from '../identifiers.ts';
import { importedCodeForm } from '../mfa/recovery-codes.ts';
import { BUILT_IN_ROLES, CONTRACT_ADMIN } from '../operators/permissions.ts';
import { ROLE_NAME } from '../operators/roles.ts';
import type { PasswordHasher } from '../passwords/hasher.ts';
import { type ErrorCode, refuse, type Warning } from './problems.ts';
import { type ForeignHash, type ImportRecord, type RawRecord, readRecord } from './record.ts';

/** Options of an import. */
export interface ImportOptions {
  /** The name of the service, which with their ids there identifies accounts. */
  source: string;
  /** Roles of the source mapped to roles here; an empty name drops one. */
  roles: ReadonlyMap<string, string>;
  /** Providers of the source, mapped to upstreams here. */
  providers: ReadonlyMap<string, string>;
  isDryRun: boolean;
  onConflict: 'skip' | 'update' | 'fail';
  onBadHash: 'fail' | 'without-password';
  missingEmail: 'fail' | 'placeholder';
  /** Whether fast and cheap hashes are wrapped in argon2id. */
  wrapsWeak: boolean;
  /** Parameters that hashes share and rows do not contain. */
  hashParams: Record<string, unknown>;
  /** For a first login: the password is Postern's at once, and no import replaces it. */
  way: ImportedRecord['way'];
}

/** Password hashes of other services. */
export interface Hashes {
  read(
    hash: ForeignHash,
    options: { dryRun: boolean },
  ): Promise<
    | { ok: true; stored: string; weak: boolean }
    /** The password itself. */
    | { ok: true; plain: string }
    | { ok: false; code: HashRefusal; message: string }
  >;
  /** Argon2id over the digest of the weak hash `stored`. */
  wrapWeak(stored: string): Promise<string>;
}

type HashRefusal = Extract<ErrorCode, `hash_${string}`>;

export interface PreparationDependencies {
  secrets: Secrets;
  hasher: Pick<PasswordHasher, 'hash'>;
  hashes: Hashes;
  /** Finds an upstream's issuer by id; undefined when unknown. */
  issuerOf(upstream: string): string | undefined;
  attributes: Pick<Attributes, 'adopt'>;
  /** Whether a role has management permissions. */
  isPrivileged(role: string): Promise<boolean>;
}

/** A record that is ready to be written. */
export interface Candidate {
  line: number;
  record: ImportRecord;
  source: string;
  /** Digest of the record, to tell whether it has changed; keyed, because a record may contain a password. */
  digest: string;
  user: UserRecord;
  /** Values that no account attribute takes; null for none. */
  rest: Record<string, unknown> | null;
  totp: NewTotp[];
  recoveryCodes: string[];
  identities: { upstream: string; issuer: string; subject: string }[];
  /** A password still to be hashed, or a weak hash to be wrapped: costly, so only once it is known to be new. */
  finish: (() => Promise<string>) | null;
}

export const sha256 = (text: string): string => digest('sha256', text, 'base64url');

/** An issuer that no provider has, for an identity whose provider is unknown here: it allows no login. */
const NO_ISSUER = '';

/** The name of a role here. */
function roleName(name: string): string | null {
  if (ROLE_NAME.test(name)) return name;
  const folded = name
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[^a-z0-9_.:-]+/g, '-')
    .slice(0, 64)
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return ROLE_NAME.test(folded) ? folded : null;
}

/** Turns raw records into candidates. */
export function createPreparation(
  { secrets, hasher, hashes, issuerOf, attributes, isPrivileged }: PreparationDependencies,
  options: ImportOptions,
) {
  const privileged = new Map<string, Promise<boolean>>();
  const mayNotBeGiven = (role: string): Promise<boolean> => {
    if (Object.hasOwn(BUILT_IN_ROLES, role) || role === CONTRACT_ADMIN.role) return Promise.resolve(true);
    const known = privileged.get(role) ?? isPrivileged(role);
    privileged.set(role, known);
    return known;
  };

  const rolesOf = async (names: readonly string[], warnings: Warning[]): Promise<string[]> => {
    const roles = new Set(['user']);
    for (const name of names) {
      const mapped = options.roles.get(name);
      const role = mapped ?? roleName(name);
      if (role === '') continue;
      const message =
        role === null
          ? `${JSON.stringify(name)} is not a valid role name here: map it with --map-role`
          : mapped === undefined && (await mayNotBeGiven(role))
            ? `the role ${role} has management permissions: to assign it, use --map-role ${name}=${role}`
            : null;
      if (role === null || message !== null)
        warnings.push({ code: 'role_not_imported', message: message ?? '' });
      else roles.add(role);
    }
    return [...roles];
  };

  const passwordOf = async (
    record: ImportRecord,
    warnings: Warning[],
  ): Promise<{ stored: string | null; finish: Candidate['finish']; state: string }> => {
    if (record.passwordHash === null) return { stored: null, finish: null, state: 'none' };
    const { format, params, hash } = record.passwordHash;
    const { format: common, ...shared } = options.hashParams;
    const named = format ?? (typeof common === 'string' ? common : undefined);
    const dry = { dryRun: options.isDryRun };
    let read = await hashes.read(
      { hash, ...(named !== undefined && { format: named }), params: { ...shared, ...params } },
      dry,
    );
    // In a table with several kinds the file names one; other hashes may name their own.
    if (!read.ok && format === undefined && typeof common === 'string') {
      const bare = await hashes.read({ hash }, dry);
      if (bare.ok) read = bare;
    }
    if (read.ok && 'plain' in read)
      return { stored: null, finish: () => hasher.hash(read.plain), state: 'plain' };
    if (read.ok) {
      const isWrapped = read.weak && options.wrapsWeak;
      const finish = isWrapped ? () => hashes.wrapWeak(read.stored) : null;
      return { stored: read.stored, finish, state: isWrapped ? 'wrapped' : 'kept' };
    }
    if (options.onBadHash === 'fail')
      refuse(
        read.code,
        `${read.message}; --on-bad-hash without-password imports the account without a password`,
      );
    warnings.push({ code: read.code, message: `${read.message}; imported without a password` });
    return { stored: null, finish: null, state: 'dropped' };
  };

  const recoveryCodesOf = async (record: ImportRecord, warnings: Warning[]): Promise<string[]> => {
    const codes: string[] = [];
    for (const code of record.recoveryCodes) {
      if (typeof code === 'string') codes.push(secrets.mac('recovery-codes', importedCodeForm(code)));
      else {
        const read = await hashes.read(code, { dryRun: options.isDryRun });
        if (read.ok && 'plain' in read)
          codes.push(secrets.mac('recovery-codes', importedCodeForm(read.plain)));
        else if (read.ok) codes.push(FOREIGN + read.stored);
        else warnings.push({ code: 'factor_not_imported', message: `a recovery code: ${read.message}` });
      }
    }
    return [...new Set(codes)];
  };

  const addressOf = (record: ImportRecord, id: string) => {
    if (record.email) return record.email;
    if (options.missingEmail === 'fail')
      return refuse(
        'missing_email',
        'the account has no email address: add one, or use --missing-email placeholder',
      );
    return parseEmail(placeholderAddress(id));
  };

  /**
   * @param now milliseconds since the epoch.
   * @throws Refused.
   */
  return async (
    raw: RawRecord,
    line: number,
    now: number,
  ): Promise<{ candidate: Candidate; warnings: Warning[] }> => {
    const record = readRecord(raw, now);
    const warnings: Warning[] = [];
    const id = record.id ?? newUuid();
    const at = new Date(now);
    const password = await passwordOf(record, warnings);
    const roles = await rolesOf(record.roles, warnings);
    const identities = record.identities.map(({ provider, subject }) => {
      const upstream = options.providers.get(provider) ?? provider;
      return { upstream, issuer: issuerOf(upstream) ?? NO_ISSUER, subject };
    });
    const createdAt = record.createdAt ?? at;
    const verifiedAt = record.isEmailVerified && record.email ? (record.emailVerifiedAt ?? createdAt) : null;
    const hasPassword = password.stored !== null || password.finish !== null;
    const { values, rest } = attributes.adopt(record.attributes ?? {});
    const user = userOf({
      ...record.profile,
      ...addressOf(record, id),
      ...record.username,
      attributes: values,
      id,
      number: record.number ?? 0,
      emailVerifiedAt: verifiedAt,
      // Whoever proved the mailbox to the source had set the password there.
      ownerProvenAt: verifiedAt,
      phoneNumberVerifiedAt: record.profile.phoneNumber ? record.phoneNumberVerifiedAt : null,
      status: record.status,
      roles,
      passwordHash: password.stored,
      passwordChangedAt: hasPassword ? (record.passwordChangedAt ?? createdAt) : null,
      lastLoginAt: record.lastLoginAt,
      createdAt,
      updatedAt: at,
    });
    const content = Object.keys(raw)
      .toSorted()
      .map((name) => [name, raw[name]]);
    const digestOf = secrets.mac('imports', JSON.stringify([content, roles, identities, password.state]));
    return {
      warnings,
      candidate: {
        line,
        record,
        source: record.source ?? options.source,
        digest: digestOf,
        user,
        rest: Object.keys(rest).length > 0 ? rest : null,
        totp: record.totp ? [{ ...record.totp, accountId: id, name: 'Authenticator' }] : [],
        recoveryCodes: await recoveryCodesOf(record, warnings),
        identities,
        finish: password.finish,
      },
    };
  };
}
