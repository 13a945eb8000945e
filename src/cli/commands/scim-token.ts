import type { Command } from 'commander';
import { shellOperator, type Operator } from '../../domain/operators/operator.ts';
import type { ScimToken, ScimTokens } from '../../domain/scim/tokens.ts';
import { endOf } from '../options.ts';
import { operator } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

const tokensOf = async <T>(work: (tokens: ScimTokens, operator: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ scimTokens }) => work(scimTokens, shellOperator(operator())));
};

const toJson = ({ id, name, createdAt, expiresAt, lastUsedAt }: ScimToken) => ({
  id,
  name,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt?.toISOString() ?? null,
  last_used_at: lastUsedAt?.toISOString() ?? null,
});

async function create({ name, expires }: { name?: string; expires?: string }): Promise<Report> {
  const expiresAt = expires === undefined ? null : endOf(expires);
  const { token, record, ending } = await tokensOf((tokens, by) => tokens.create(by, { name, expiresAt }));
  const also = ending
    ? ` ${ending.id}, the least recently used, ends in a day: only two are valid at a time.`
    : '';
  return {
    json: { ...toJson(record), token },
    text: `Created ${record.id}, valid until ${expiresAt?.toISOString() ?? 'it is deleted'}.${also} The token is shown only once:\n${token}`,
  };
}

async function list(): Promise<Report> {
  const all = await tokensOf((tokens, by) => tokens.list(by));
  const rows = all.map((token) => [
    token.id,
    token.name,
    token.expiresAt?.toISOString() ?? 'never',
    token.lastUsedAt?.toISOString() ?? 'never',
  ]);
  return {
    json: { scim_tokens: all.map(toJson) },
    text: table(['id', 'name', 'expires', 'last used'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await tokensOf((tokens, by) => tokens.remove(by, id));
  return { json: { id }, text: `Deleted ${id}. Accounts and groups created with it are kept.` };
}

export function addScimToken(program: Command): void {
  const token = program
    .command('scim-token')
    .description('manage tokens with which a directory provisions accounts and groups over SCIM');
  reporting(
    token
      .command('create')
      .description('create a token; it is printed only once, alone on the last line')
      .option('--name <name>', 'description')
      .option('--expires <time>', 'lifetime, like 365d; unlimited by default'),
    create,
  );
  reporting(token.command('list').description('list the tokens, newest first'), list);
  reporting(
    token
      .command('delete')
      .description('delete a token; it ends at once')
      .argument('<id>', 'id shown by the list'),
    remove,
  );
}
