import type { Command } from 'commander';
import type { ApiKey, ApiKeys } from '../../domain/api-keys.ts';
import { endOf, repeated } from '../options.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { facts, type Report, reporting, shown, table } from '../report.ts';

const keysOf = async <T>(work: (apiKeys: ApiKeys) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ apiKeys }) => work(apiKeys));
};

const toJson = (key: ApiKey) => ({
  id: key.id,
  prefix: key.prefix,
  name: key.name,
  permissions: key.permissions,
  account_id: key.accountId,
  created_at: key.createdAt.toISOString(),
  expires_at: key.expiresAt?.toISOString() ?? null,
  last_used_at: key.lastUsedAt?.toISOString() ?? null,
});

interface CreateOptions {
  name: string;
  permission?: string[];
  expiresIn?: string;
}

async function create({ name, permission, expiresIn }: CreateOptions): Promise<Report> {
  const expiresAt = expiresIn === undefined ? null : endOf(expiresIn);
  const { key, record } = await keysOf((apiKeys) =>
    apiKeys.create({ name, permissions: permission, expiresAt }, operator()),
  );
  const { permissions } = record;
  const until = record.expiresAt ? `, valid until ${record.expiresAt.toISOString()}` : '';
  return {
    json: { ...toJson(record), api_key: key },
    text: `Created ${record.id} with ${permissions.join(', ')}${until}. The key is shown only once:\n${key}`,
  };
}

async function list(): Promise<Report> {
  const all = await keysOf((apiKeys) => apiKeys.list());
  const rows = all.map((key) => [
    key.id,
    `${key.prefix}…`,
    key.name,
    key.permissions.join(' '),
    key.accountId ?? '-',
    key.expiresAt?.toISOString() ?? 'never',
    key.lastUsedAt?.toISOString() ?? 'never',
  ]);
  return {
    json: { api_keys: all.map(toJson) },
    text: table(['id', 'key', 'name', 'permissions', 'account', 'expires', 'last used'], rows),
  };
}

async function show(id: string): Promise<Report> {
  const { withCore } = await import('../session.ts');
  const json = toJson(await withCore(({ apiKeyAdmin }) => apiKeyAdmin.find(shellOperator(operator()), id)));
  return { json, text: facts(Object.entries(json).map(([key, value]) => [key, shown(value)])) };
}

interface UpdateOptions {
  name?: string;
  permission?: string[];
  expiresIn?: string;
  withoutEnd?: boolean;
}

async function update(
  id: string,
  { name, permission: permissions, expiresIn, withoutEnd = false }: UpdateOptions,
): Promise<Report> {
  const expiresAt = withoutEnd ? null : expiresIn === undefined ? undefined : endOf(expiresIn);
  const { withCore } = await import('../session.ts');
  const changes = { name, permissions, expiresAt };
  const key = await withCore(({ apiKeyAdmin }) => apiKeyAdmin.update(shellOperator(operator()), id, changes));
  return { json: toJson(key), text: `Changed ${key.id}.` };
}

async function revoke(id: string): Promise<Report> {
  await keysOf((apiKeys) => apiKeys.revoke(id, null, operator()));
  return { json: { id }, text: `Revoked ${id}.` };
}

export function addApiKey(program: Command): void {
  const apiKey = program.command('api-key').description('manage API keys for contracts');
  reporting(
    apiKey
      .command('create')
      .description('create a key; it is printed only once, alone on the last line')
      .requiredOption('--name <name>', 'name of the program')
      .option(
        '--permission <permission>',
        'users:read, users:write or auth:login; default: all (can be repeated)',
        repeated,
      )
      .option('--expires-in <time>', 'lifetime, like 90d or 12h; unlimited by default'),
    create,
  );
  reporting(
    apiKey.command('list').description('list the keys, including those of accounts, newest first'),
    list,
  );
  reporting(apiKey.command('show').description('show a key').argument('<id>', 'id shown by the list'), show);
  reporting(
    apiKey
      .command('update')
      .description('update a key; the key itself stays the same')
      .argument('<id>', 'id shown by the list')
      .option('--name <name>', 'name of the program')
      .option('--permission <permission>', 'replaces all permissions (can be repeated)', repeated)
      .option('--expires-in <time>', 'new lifetime from now, like 90d or 12h')
      .option('--without-end', 'remove the expiry'),
    update,
  );
  reporting(
    apiKey
      .command('revoke')
      .alias('delete')
      .description('revoke a key')
      .argument('<id>', 'id shown by the list'),
    revoke,
  );
}
