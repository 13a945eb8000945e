import type { Command } from 'commander';
import type { RegistrationTokens } from '../../domain/registration-tokens.ts';
import type { RegistrationTokenRecord } from '../../storage/registration-tokens.ts';
import { endOf } from '../options.ts';
import { manager, operator } from '../operator.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const tokensOf = async <T>(work: (tokens: RegistrationTokens) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ registrationTokens }) => work(registrationTokens));
};

const toJson = ({ id, policy, createdAt, expiresAt }: RegistrationTokenRecord) => ({
  id,
  policy,
  created_at: createdAt.toISOString(),
  expires_at: expiresAt.toISOString(),
});

async function create({ policy, expires }: { policy: string; expires: string }): Promise<Report> {
  const expiresAt = endOf(expires);
  const { token, record } = await tokensOf((tokens) => tokens.create({ policy, expiresAt }, operator()));
  return {
    json: { ...toJson(record), token },
    text: `Created ${record.id} for the policy ${policy}, valid until ${expiresAt.toISOString()}. It is shown only once:\n${token}`,
  };
}

async function list(): Promise<Report> {
  const all = await tokensOf((tokens) => tokens.list());
  const rows = all.map((token) => [token.id, token.policy, token.expiresAt.toISOString()]);
  return { json: { registration_tokens: all.map(toJson) }, text: table(['id', 'policy', 'expires'], rows) };
}

async function show(id: string): Promise<Report> {
  const { withCore } = await import('../session.ts');
  const token = await withCore(({ registrationTokenAdmin }) => registrationTokenAdmin.find(manager(), id));
  const json = toJson(token);
  return { json, text: facts(Object.entries(json)) };
}

async function revoke(id: string): Promise<Report> {
  await tokensOf((tokens) => tokens.revoke(id, operator()));
  return { json: { id }, text: `Revoked ${id}. Clients registered with it are kept.` };
}

export function addRegistrationToken(program: Command): void {
  const token = program
    .command('registration-token')
    .description('manage initial access tokens, with which clients register themselves');
  reporting(
    token
      .command('create')
      .description('create a token; it is printed only once, alone on the last line')
      .option('--policy <name>', 'policy for its clients, from clientRegistration.policies', 'default')
      .option('--expires <time>', 'lifetime, like 7d or 12h', '1d'),
    create,
  );
  reporting(
    token.command('show').description('show a valid token').argument('<id>', 'id shown by the list'),
    show,
  );
  reporting(token.command('list').description('list the valid tokens, newest first'), list);
  reporting(
    token
      .command('revoke')
      .alias('delete')
      .description('revoke a token')
      .argument('<id>', 'id shown by the list'),
    revoke,
  );
}
