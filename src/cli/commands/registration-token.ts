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
    text: `Made ${record.id} for the policy ${policy} until ${expiresAt.toISOString()}. It is shown this once:\n${token}`,
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
  return { json: { id }, text: `Revoked ${id}. Clients that were registered with it stay.` };
}

export function addRegistrationToken(program: Command): void {
  const token = program
    .command('registration-token')
    .description('initial access tokens, with which clients register themselves: make, list, show, revoke');
  reporting(
    token
      .command('create')
      .description('make a token; it is printed alone on the last line, this once')
      .option('--policy <name>', 'what it may register, under clientRegistration.policies', 'default')
      .option('--expires <time>', 'how long it serves, like 7d or 12h', '1d'),
    create,
  );
  reporting(
    token.command('show').description('show one that serves still').argument('<id>', 'id shown by the list'),
    show,
  );
  reporting(token.command('list').description('list those that serve still, newest first'), list);
  reporting(
    token
      .command('revoke')
      .alias('delete')
      .description('end a token at once')
      .argument('<id>', 'id shown by the list'),
    revoke,
  );
}
