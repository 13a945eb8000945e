import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { atEnd } from '../support/cleanup.ts';
import { createDatabase } from '../support/postgres.ts';
import { until } from '../support/until.ts';

let url: string;
let sql: Client;

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  atEnd(() => client.end());
  return client;
}

beforeAll(async () => {
  ({ url } = await createDatabase());
  sql = await connect();
});

async function addUser(): Promise<string> {
  const id = randomUUID();
  await sql.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [id, `${id}@example.test`]);
  return id;
}

async function addGroup(...roles: string[]): Promise<string> {
  const id = randomUUID();
  await sql.query(
    'insert into groups (id, name, name_key, roles) values ($1::uuid, $1::text, $1::text, $2)',
    [id, roles],
  );
  return id;
}

const join = (client: Client, group: string, ...people: string[]) =>
  client.query('insert into group_members (group_id, account_id) select $1, unnest($2::uuid[])', [
    group,
    people,
  ]);

const rolesOf = async (id: string): Promise<string[]> =>
  (await sql.query<{ group_roles: string[] }>('select group_roles from users where id = $1', [id])).rows[0]!
    .group_roles;

const versionOf = async (table: string, id: string): Promise<number> =>
  (await sql.query<{ version: number }>(`select version from ${table} where id = $1`, [id])).rows[0]!.version;

/** Waits until another statement waits for a lock. */
const blocked = () =>
  until(async () => {
    const { rowCount } = await sql.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    return rowCount === 1;
  });

describe('the roles of an account from its groups', () => {
  it('follow changes of members, roles and groups', async () => {
    const [ann, bob] = [await addUser(), await addUser()];
    const [one, two] = [await addGroup('editor', 'reader'), await addGroup('reader', 'author')];
    await join(sql, one, ann, bob);
    await join(sql, two, ann);
    expect(await rolesOf(ann)).toEqual(['author', 'editor', 'reader']);
    expect(await rolesOf(bob)).toEqual(['editor', 'reader']);

    await sql.query(`update groups set roles = '{reader}' where id = $1`, [one]);
    expect(await rolesOf(ann)).toEqual(['author', 'reader']);
    await sql.query('delete from group_members where group_id = $1 and account_id = $2', [one, bob]);
    expect(await rolesOf(bob)).toEqual([]);
    await sql.query('delete from groups where id = $1', [two]);
    expect(await rolesOf(ann)).toEqual(['reader']);
    await sql.query('delete from users where id = $1', [ann]);
    expect((await sql.query('select from group_members where account_id = $1', [ann])).rowCount).toBe(0);
  });

  it('include those that two groups add in parallel', async () => {
    const ann = await addUser();
    const [one, two] = [await addGroup('one'), await addGroup('two')];
    const [first, second] = [await connect(), await connect()];
    await Promise.all([first.query('begin'), second.query('begin')]);
    await join(first, one, ann);
    const later = join(second, two, ann);
    await blocked();
    await first.query('commit');
    await later;
    await second.query('commit');
    expect(await rolesOf(ann)).toEqual(['one', 'two']);
  });

  it.each(['the member', 'the roles'])(
    'are right after parallel changes of the group, with %s first',
    async (who) => {
      const ann = await addUser();
      const group = await addGroup('old');
      const [first, second] = [await connect(), await connect()];
      const changes = [
        (client: Client) => join(client, group, ann),
        (client: Client) => client.query(`update groups set roles = '{new}' where id = $1`, [group]),
      ];
      if (who === 'the roles') changes.reverse();
      await Promise.all([first.query('begin'), second.query('begin')]);
      await changes[0]!(first);
      const later = changes[1]!(second);
      await blocked();
      await first.query('commit');
      await later;
      await second.query('commit');
      expect(await rolesOf(ann)).toEqual(['new']);
    },
  );
});

describe('the version of a row', () => {
  it('increases with every change, but not with a sign-in', async () => {
    const ann = await addUser();
    const group = await addGroup();
    expect([await versionOf('users', ann), await versionOf('groups', group)]).toEqual([1, 1]);
    await sql.query(`update users set last_login_at = now() where id = $1`, [ann]);
    await sql.query(`update users set last_login_at = now(), password_hash = 'renewed' where id = $1`, [ann]);
    await sql.query(`update users set password_hash = 'renewed again' where id = $1`, [ann]);
    expect(await versionOf('users', ann)).toBe(1);
    await sql.query(`update users set password_hash = 'x', password_changed_at = now() where id = $1`, [ann]);
    await sql.query(`update users set name = 'Ann' where id = $1`, [ann]);
    expect(await versionOf('users', ann)).toBe(3);
    await sql.query(`update groups set description = 'x' where id = $1`, [group]);
    expect(await versionOf('groups', group)).toBe(2);
  });
});
