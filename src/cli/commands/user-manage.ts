import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { shellOperator } from '../../domain/operators/operator.ts';
import { PROFILE_FIELDS, type ProfileText } from '../../domain/users/profile-fields.ts';
import type { FactorFilter, UserSort } from '../../storage/user-search.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { fail, type Report, table } from '../report.ts';
import { meant, told, userJson, withUser } from '../user-report.ts';

const shell = () => shellOperator(operator());

/** Mails the owner of an account without a password a link to set one. */
export const inviteUser = (name: string): Promise<Report> =>
  withUser(name, async ({ id, email }, { managedAccounts }) =>
    told(
      await managedAccounts.invite(shell(), id),
      `A link to choose a password is being sent to ${email}, the address of`,
      {
        sent: true,
      },
    ),
  );

export type ProfileOptions = Partial<Record<ProfileText, string>> & { username?: string };

/** Updates profile fields of an account. An empty value clears a field. */
export function updateUser(name: string, options: ProfileOptions): Promise<Report> {
  const fields = ['username', ...PROFILE_FIELDS.map((field) => field.name)] as const;
  const changes = Object.fromEntries(
    fields.flatMap((field) => {
      const value = options[field];
      return value === undefined ? [] : [[field, value === '' ? null : value]];
    }),
  );
  if (Object.keys(changes).length === 0)
    throw new UsageError('Nothing to change: use an option such as --name "Ann Lee".');
  return withUser(name, async ({ id }, { managedAccounts }) =>
    told(await managedAccounts.update(shell(), id, changes), 'Changed'),
  );
}

/** Lists or removes second factors of an account. @param remove the id of the factor to remove, or `recovery_codes`. */
export const userFactors = (name: string, { remove }: { remove?: string }): Promise<Report> =>
  withUser(name, async ({ id }, { access }) => {
    const removed = remove === undefined ? 0 : await access.removeFactors(shell(), id, remove);
    const { totp, passkeys, recoveryCodesLeft: left, required } = await access.factors(shell(), id);
    const factors = [
      ...totp.map((one) => ({ ...one, kind: 'totp' })),
      ...passkeys.map((one) => ({ ...one, kind: 'passkey' })),
    ].map(({ id: factor, kind, name: called, createdAt, lastUsedAt }) => ({
      id: factor,
      kind,
      name: called,
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt?.toISOString() ?? null,
    }));
    const rows = factors.map((one) => [one.kind, one.name, one.created_at, one.last_used_at ?? '-', one.id]);
    return {
      json: { id, factors, recovery_codes_left: left, required, removed },
      text: `${table(['kind', 'name', 'added', 'last used', 'id'], rows)}\n${left} recovery codes`,
    };
  });

/** Shows all data of an account, as in its owner's data export. Writes an audit event of its own. */
export const userData = (name: string): Promise<Report> =>
  withUser(name, async ({ id }, core) => {
    const [{ belongingsOf }, { userOf }] = await Promise.all([
      import('../../http/api/items.ts'),
      import('../../http/api/management/presenters.ts'),
    ]);
    const data = await core.access.data(shell(), id);
    const json = { account: userOf(data.account, core), ...belongingsOf(data) };
    return { json, text: JSON.stringify(json, null, 2) };
  });

/** Writes an export, and nothing else, to standard output or a file. */
export async function exportUsers({
  format,
  out,
}: {
  format: 'ndjson' | 'csv';
  out?: string;
}): Promise<void> {
  const [{ withCore }, { userLines }] = await Promise.all([
    import('../session.ts'),
    import('../../http/api/management/user-lines.ts'),
  ]);
  try {
    await withCore(async (core) => {
      const users = await core.people.export(shell(), {}, format);
      const target = out === undefined ? process.stdout : createWriteStream(out, { mode: 0o600 });
      await pipeline(Readable.from(userLines(format, users, core)), target, { end: out !== undefined });
    });
  } catch (error) {
    fail(error, false);
  }
}

export type { FactorFilter, UserSort };

export interface ListOptions {
  limit: number;
  after?: string;
  sort?: UserSort | `-${UserSort}`;
  search?: string;
  status?: ('active' | 'suspended')[];
  role?: string[];
  group?: string[];
  factor?: FactorFilter[];
  emailVerified?: 'true' | 'false';
  door?: string[];
  createdAfter?: Date;
  createdBefore?: Date;
  lastLoginAfter?: Date;
  lastLoginBefore?: Date;
}

/** Lists accounts by the filters of the management API. Without filters, `--after` also takes an account's id. */
export async function listUsers({
  limit,
  after,
  sort,
  emailVerified,
  ...rest
}: ListOptions): Promise<Report> {
  const { search, status, role, group, factor, door } = rest;
  const { createdAfter, createdBefore, lastLoginAfter, lastLoginBefore } = rest;
  const filters = {
    search,
    status,
    role,
    group,
    factor,
    door,
    createdAfter,
    createdBefore,
    lastLoginAfter,
    lastLoginBefore,
    emailVerified: emailVerified === undefined ? undefined : emailVerified === 'true',
  };
  const isPlain = sort === undefined && Object.values(filters).every((value) => value === undefined);
  const { withCore } = await import('../session.ts');
  const { users, next } = await withCore(async ({ accounts, people }) => {
    if (!isPlain) {
      const options = { filters, sort: sort ?? 'created_at', limit, cursor: after } as const;
      const page = await people.list(shell(), options);
      return { users: page.items, next: page.nextCursor };
    }
    const from = after === undefined ? {} : { after: (await meant(accounts, after)).id };
    const page = await accounts.list({ limit, ...from });
    return { users: page, next: page.length < limit ? null : (page.at(-1)?.id ?? null) };
  });
  const rows = users.map((user) => [
    String(user.number),
    user.username ?? '-',
    user.email,
    user.roles.join(','),
    user.status,
    user.id,
  ]);
  return {
    json: { users: users.map(userJson), next_cursor: next },
    text: table(['number', 'username', 'email', 'roles', 'status', 'id'], rows),
  };
}
