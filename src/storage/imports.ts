// raw-sql: rows of many accounts at once, and which of them the unique indexes accepted.
import { newUuid } from '../core/ids.ts';
import type { Actor } from '../core/actor.ts';
import { AuditEvent, type AuditType } from './models/audit-event.ts';
import { patternsOf, toldOf, WEBHOOK_TOPIC } from './event-catalogue.ts';
import { insertionOf, recordOf, type RecordOf } from './models/define.ts';
import { Group, Role } from './models/roles.ts';
import { DepartedAccount, ImportedAccount } from './models/origins.ts';
import { RecoveryCode, TotpAuthenticator } from './models/factors.ts';
import { UpstreamIdentity } from './models/upstreams.ts';
import { User } from './models/user.ts';
import { CHANNEL } from './postgres/notifications.ts';
import type { Executor } from './postgres/executor.ts';
import type { Tx } from './postgres/transaction.ts';
import type { UserRecord } from './users.ts';

const imported = recordOf(ImportedAccount);
const user = recordOf(User);
const group = recordOf(Group);

export type ImportedRecord = RecordOf<typeof imported>;
type NewImported = Omit<ImportedRecord, 'createdAt' | 'updatedAt'>;

/** An account known by its id at the source. */
export type Known = Pick<
  ImportedRecord,
  'source' | 'sourceId' | 'accountId' | 'recordDigest' | 'passwordDigest' | 'run'
>;

/** Unique keys of an account. */
export interface UniqueKeys {
  ids: string[];
  numbers: number[];
  emailKeys: string[];
  usernameKeys: string[];
}

export type Holder = Pick<
  UserRecord,
  'id' | 'number' | 'email' | 'emailKey' | 'username' | 'usernameKey' | 'status'
>;

export type Tie = Pick<ImportedRecord, 'accountId' | 'source' | 'sourceId'>;

export interface NewTotp {
  accountId: string;
  name: string;
  /** Base32. */
  secret: string;
  algorithm: 'sha1' | 'sha256' | 'sha512';
  digits: 6 | 7 | 8;
  period: number;
}

export type NewIdentity = Pick<UpstreamIdentity, 'upstream' | 'issuer' | 'subject' | 'accountId'>;
export type ImportGroup = Pick<Group, 'id' | 'name' | 'nameKey' | 'roles'>;

export interface Imports {
  /** Makes other imports wait until the transaction ends: two at once would wait for each other's rows. */
  lock(tx: Tx): Promise<void>;
  known(keys: readonly { source: string; sourceId: string }[], tx?: Tx): Promise<Known[]>;
  /** Ids by which accounts are already known at `sources`. */
  tiesOf(accountIds: readonly string[], sources: readonly string[], tx?: Tx): Promise<Tie[]>;
  /** The accounts that have one of the keys, deleted ones too. */
  holders(keys: UniqueKeys, tx?: Tx): Promise<Holder[]>;
  /** Which of `ids` are source ids of other accounts. A client that uses those as subjects would confuse the two. */
  takenAsSourceIds(ids: readonly string[], tx?: Tx): Promise<{ sourceId: string; accountId: string }[]>;
  /** Addresses that a pending undo link could restore. */
  reserved(emailKeys: readonly string[], tx?: Tx): Promise<{ emailKey: string; accountId: string }[]>;
  /**
   * Owners created here, unknown to any contract's client, who have one of `numbers`: a new installation has its first
   * administrator before an import, whose people's numbers are known elsewhere.
   * @returns their ids.
   */
  givingWay(numbers: readonly number[], tx?: Tx): Promise<string[]>;
  /** Assigns the next numbers to accounts. */
  renumber(ids: readonly string[], tx: Tx): Promise<void>;
  /** Makes all further new numbers greater than `number`, whether or not a transaction commits. */
  numberFrom(number: number, tx: Tx): Promise<void>;
  /** @returns ids of the accounts that no unique key rejected. The number 0 stands for the next one. */
  insertUsers(users: readonly UserRecord[], tx: Tx): Promise<Set<string>>;
  /** Records the source of accounts, or a change of their source record. */
  remember(rows: readonly NewImported[], tx: Tx): Promise<void>;
  insertTotp(rows: readonly NewTotp[], tx: Tx): Promise<void>;
  /** `hash` as stored. */
  insertRecoveryCodes(rows: readonly { accountId: string; hash: string }[], tx: Tx): Promise<void>;
  /** @returns those that were not linked before. */
  insertIdentities(rows: readonly NewIdentity[], tx: Tx): Promise<NewIdentity[]>;
  /** The groups with these names, created when missing. */
  groupsOf(groups: readonly { name: string; nameKey: string }[], tx: Tx): Promise<ImportGroup[]>;
  insertMembers(rows: readonly { groupId: string; accountId: string }[], tx: Tx): Promise<void>;
  /** Creates missing roles, without permissions. */
  insertRoles(names: readonly string[], description: string, tx: Tx): Promise<void>;
  /** Records one event per account, with its webhook deliveries. */
  recordEach(
    type: AuditType,
    events: readonly { subject: string; details: Record<string, unknown> }[],
    actor: Actor,
    tx: Tx,
  ): Promise<void>;
  /**
   * An account's id at a source, the oldest of several; null when it is not from there, or when that is another account's own
   * id.
   */
  sourceIdOf(accountId: string, source: string): Promise<string | null>;
  /** Whether an account of a source was here and is deleted. */
  hasDeparted(source: string, sourceId: string): Promise<boolean>;
  /** The sources of an account, oldest first. */
  of(accountId: string): Promise<ImportedRecord[]>;
}

const KNOWN = `select source, source_id as "sourceId", account_id as "accountId", record_digest as "recordDigest",
    password_digest as "passwordDigest", run
  from imported_accounts
  where (source, source_id) in (select * from unnest($1::text[], $2::text[]))`;

const TIES = `select account_id as "accountId", source, source_id as "sourceId" from imported_accounts
  where account_id = any($1::uuid[]) and source = any($2)`;

const HOLDERS = `select id, number, email, email_key as "emailKey", username, username_key as "usernameKey", status
  from users where id = any($1::uuid[]) or number = any($2::int[]) or email_key = any($3) or username_key = any($4)`;

const TAKEN = `select lower(source_id) as "sourceId", account_id as "accountId" from imported_accounts
  where length(source_id) = 36 and lower(source_id) = any($1)`;

const SOURCE_ID = `select source_id as "sourceId" from imported_accounts as imported
  where account_id = $1 and source = $2 and not exists (select from users where id <> $1
    and id = case when imported.source_id ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then imported.source_id::uuid end)
  order by created_at, source_id limit 1`;

const RESERVED = `select moved_from ->> 'emailKey' as "emailKey", id as "accountId" from users
    where moved_from is not null and moved_from ->> 'emailKey' = any($1)
  union all
  select payload ->> 'emailKey', account_id from one_time_tokens join users on users.id = account_id
    where purpose = 'undo' and payload ->> 'emailKey' = any($1) and expires_at > now() and status <> 'deleted'`;

const GIVING_WAY = `select id from users where number = any($1::int[]) and 'owner' = any(roles)
  and not exists (select from imported_accounts where account_id = users.id)
  and not exists (select from contract_users where account_id = users.id)`;

const NUMBER_FROM = `select setval(pg_get_serial_sequence('users', 'number'),
  greatest($1::bigint, (select last_value from pg_sequences
    where schemaname = current_schema() and sequencename = 'users_number_seq')))`;

const MEMBERS = `insert into group_members (group_id, account_id)
  select * from unnest($1::uuid[], $2::uuid[]) order by 2 on conflict do nothing`;

/** Queues webhook deliveries as the audit does for a single event. */
const TELL = `with leaving as (
    insert into webhook_deliveries (id, webhook_id, event_id, type, data, at)
    select gen_random_uuid(), webhooks.id, event.id, $1, event.data, $2
    from webhooks, jsonb_to_recordset($3::jsonb) as event(id uuid, data jsonb)
    where enabled and event_types && $4::text[]
    returning id
  )
  select pg_notify('${CHANNEL}', '${WEBHOOK_TOPIC}:') from leaving limit 1`;

const ROLES = 'on conflict do nothing';
const RETURNING_ID = 'on conflict do nothing returning id';
const REMEMBER = `on conflict (source, source_id) do update set account_id = excluded.account_id,
  record_digest = excluded.record_digest, password_digest = excluded.password_digest,
  attributes = excluded.attributes, run = excluded.run, updated_at = excluded.updated_at`;

type UserColumn = keyof UserRecord;
const numbered = insertionOf(User, user.attributes, RETURNING_ID);
const unnumbered = insertionOf(
  User,
  user.attributes.filter((name): name is Exclude<UserColumn, 'number'> => name !== 'number'),
  RETURNING_ID,
);
const sources = insertionOf(ImportedAccount, imported.attributes, REMEMBER);
const authenticators = insertionOf(TotpAuthenticator, [
  'id',
  'accountId',
  'name',
  'secret',
  'algorithm',
  'digits',
  'period',
  'createdAt',
  'lastStep',
]);
const codes = insertionOf(RecoveryCode, ['accountId', 'hash', 'createdAt'], 'on conflict do nothing');
const identities = insertionOf(
  UpstreamIdentity,
  ['id', 'upstream', 'issuer', 'subject', 'accountId', 'createdAt'],
  'on conflict do nothing returning upstream, issuer, subject, account_id as "accountId"',
);
const groups = insertionOf(Group, group.attributes, 'on conflict do nothing');
const roles = insertionOf(
  Role,
  ['name', 'description', 'permissions', 'scopes', 'version', 'createdAt', 'updatedAt'],
  ROLES,
);
const events = insertionOf(AuditEvent, [
  'id',
  'at',
  'type',
  'outcome',
  'subject',
  'actorKind',
  'actorId',
  'clientId',
  'door',
  'ip',
  'userAgent',
  'requestId',
  'details',
]);

async function rowsOf<Row extends object>(
  on: Executor,
  statement: string,
  ...values: unknown[]
): Promise<Row[]> {
  return (await on.query(statement, values)).rows as Row[];
}

/** Accounts from other services, in PostgreSQL. */
export const createImports = (pool: Executor): Imports => ({
  lock: (tx) => tx.lock('postern import'),
  hasDeparted: async (source, sourceId) =>
    !sourceId.includes('\0') && (await DepartedAccount.count({ where: { source, sourceId } })) > 0,
  known: (keys, tx) =>
    rowsOf(
      tx ?? pool,
      KNOWN,
      keys.map(({ source }) => source),
      keys.map(({ sourceId }) => sourceId),
    ),
  tiesOf: (accountIds, names, tx) => rowsOf(tx ?? pool, TIES, accountIds, names),
  holders: ({ ids, numbers, emailKeys, usernameKeys }, tx) =>
    rowsOf(tx ?? pool, HOLDERS, ids, numbers, emailKeys, usernameKeys),
  takenAsSourceIds: (ids, tx) => rowsOf(tx ?? pool, TAKEN, ids),
  reserved: (emailKeys, tx) => rowsOf(tx ?? pool, RESERVED, emailKeys),
  givingWay: async (numbers, tx) =>
    (await rowsOf<{ id: string }>(tx ?? pool, GIVING_WAY, numbers)).map(({ id }) => id),
  async renumber(ids, tx) {
    await tx.query('update users set number = default where id = any($1::uuid[])', [ids]);
  },
  async numberFrom(number, tx) {
    await tx.query(NUMBER_FROM, [number]);
  },
  async insertUsers(users, tx) {
    const inserted = new Set<string>();
    for (const [isNumbered, { statement, parameter }] of [
      [true, numbered],
      [false, unnumbered],
    ] as const) {
      const batch = users.filter(({ number }) => number > 0 === isNumbered);
      if (batch.length === 0) continue;
      for (const { id } of await rowsOf<{ id: string }>(tx, statement, parameter(batch))) inserted.add(id);
    }
    return inserted;
  },
  async remember(rows, tx) {
    const at = new Date();
    const all = rows.map((row) => ({ ...row, createdAt: at, updatedAt: at }));
    if (all.length > 0) await tx.query(sources.statement, [sources.parameter(all)]);
  },
  async insertTotp(rows, tx) {
    const at = new Date();
    const all = rows.map((row) => ({ ...row, id: newUuid(), createdAt: at, lastStep: 0 }));
    if (all.length > 0) await tx.query(authenticators.statement, [authenticators.parameter(all)]);
  },
  async insertRecoveryCodes(rows, tx) {
    const at = new Date();
    const all = rows.map((row) => ({ ...row, createdAt: at }));
    if (all.length > 0) await tx.query(codes.statement, [codes.parameter(all)]);
  },
  async insertIdentities(rows, tx) {
    const at = new Date();
    const all = rows.map(({ upstream, issuer, subject, accountId }) => ({
      id: newUuid(),
      upstream,
      issuer,
      subject,
      accountId,
      createdAt: at,
    }));
    return all.length === 0 ? [] : rowsOf(tx, identities.statement, identities.parameter(all));
  },
  async groupsOf(wanted, tx) {
    if (wanted.length === 0) return [];
    const at = new Date();
    const all = wanted.map((one) => group.of({ ...one, id: newUuid(), createdAt: at, updatedAt: at }));
    await tx.query(groups.statement, [groups.parameter(all)]);
    return Group.findAll({
      attributes: ['id', 'name', 'nameKey', 'roles'],
      where: { nameKey: wanted.map(({ nameKey }) => nameKey) },
      transaction: tx,
    });
  },
  async insertMembers(rows, tx) {
    const [groupIds, accountIds] = [
      rows.map(({ groupId }) => groupId),
      rows.map(({ accountId }) => accountId),
    ];
    if (rows.length > 0) await tx.query(MEMBERS, [groupIds, accountIds]);
  },
  async insertRoles(names, description, tx) {
    const at = new Date();
    const all = names.map((name) => ({
      name,
      description,
      permissions: [],
      scopes: {},
      version: 1,
      createdAt: at,
      updatedAt: at,
    }));
    if (all.length > 0) await tx.query(roles.statement, [roles.parameter(all)]);
  },
  async recordEach(type, about, actor, tx) {
    const at = new Date();
    const all = about.map(({ subject, details }) => ({
      id: newUuid(),
      at,
      type,
      outcome: 'success' as const,
      subject,
      details,
      actorKind: actor.kind,
      actorId: actor.id,
      clientId: actor.clientId ?? null,
      door: actor.door,
      ip: actor.ip,
      userAgent: actor.userAgent,
      requestId: actor.requestId,
    }));
    if (all.length === 0) return;
    await tx.query(events.statement, [events.parameter(all)]);
    const told = all.map(({ id, ...event }) => ({ id, data: toldOf({ ...event, type }, actor) }));
    await tx.query(TELL, [type, at, JSON.stringify(told), patternsOf(type)]);
  },
  async sourceIdOf(accountId, source) {
    const [found] = await rowsOf<{ sourceId: string }>(pool, SOURCE_ID, accountId, source);
    return found?.sourceId ?? null;
  },
  async of(accountId) {
    const found = await ImportedAccount.findAll({ where: { accountId }, order: ['createdAt', 'source'] });
    return found.map(imported.from);
  },
});
