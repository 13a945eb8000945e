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

const until = (expiresAt: Date | null) => expiresAt?.toISOString() ?? 'until it is deleted';

async function create({ name, expires }: { name?: string; expires?: string }): Promise<Report> {
  const expiresAt = expires === undefined ? null : endOf(expires);
  const { token, record, ending } = await tokensOf((tokens, by) => tokens.create(by, { name, expiresAt }));
  const also = ending ? ` ${ending.id}, which was used longest ago, ends in a day: two serve at a time.` : '';
  return {
    json: { ...toJson(record), token },
    text: `Made ${record.id}, good ${until(expiresAt)}.${also} It is shown this once:\n${token}`,
  };
}

async function list(): Promise<Report> {
  const all = await tokensOf((tokens, by) => tokens.list(by));
  const rows = all.map((token) => [
    token.id,
    token.name,
    until(token.expiresAt),
    token.lastUsedAt?.toISOString() ?? 'never',
  ]);
  return {
    json: { scim_tokens: all.map(toJson) },
    text: table(['id', 'name', 'expires', 'last used'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await tokensOf((tokens, by) => tokens.remove(by, id));
  return { json: { id }, text: `Deleted ${id}. Accounts and groups that came by it stay.` };
}

export function addScimToken(program: Command): void {
  const token = program
    .command('scim-token')
    .description('tokens with which a directory drives accounts and groups over SCIM: make, list, delete');
  reporting(
    token
      .command('create')
      .description('make a token; it is printed alone on the last line, this once')
      .option('--name <name>', 'description')
      .option('--expires <time>', 'how long it serves, like 365d; until it is deleted unless given'),
    create,
  );
  reporting(token.command('list').description('list them, newest first'), list);
  reporting(
    token.command('delete').description('end a token at once').argument('<id>', 'id shown by the list'),
    remove,
  );
}
