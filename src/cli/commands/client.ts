import { type Command, InvalidArgumentError, Option } from 'commander';
import { CLIENT_KINDS, type ClientAdmin, type ClientKind } from '../../domain/clients.ts';
import { type Operator, shellOperator } from '../../domain/operators/operator.ts';
import {
  changedMetadata,
  clientMetadata,
  type ClientOptions,
  type NewClientOptions,
} from '../client-metadata.ts';
import { clientJson } from '../client-report.ts';
import { withMetadataOptions } from '../client-options.ts';
import { operator } from '../operator.ts';
import { integer, readSecret, repeated } from '../options.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const DAY = 86_400;

/** For `--kind`. */
function kind(value: string, previous: ClientKind[] | undefined): ClientKind[] {
  const known = CLIENT_KINDS.find((one) => one === value);
  if (!known) throw new InvalidArgumentError(`must be one of ${CLIENT_KINDS.join(', ')}.`);
  return [...(previous ?? []), known];
}

const clientsOf = async <T>(work: (clients: ClientAdmin, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ clients }) => work(clients, shellOperator(operator())));
};

async function create(options: NewClientOptions): Promise<Report> {
  const metadata = clientMetadata(options);
  const { name, public: isPublic, clientId: id, clientSecretStdin, role: roles } = options;
  const brought = clientSecretStdin ? await readSecret() : undefined;
  const { client, secret } = await clientsOf((clients, by) =>
    clients.create(by, { id, secret: brought, name, isPublic, metadata, roles }),
  );
  const shown: [string, string][] =
    secret === null ? [] : [['client_secret', `${secret}   (shown only once)`]];
  return {
    json: { ...clientJson(client), client_secret: secret },
    text: facts([['client_id', client.id], ...shown]),
  };
}

interface ListOptions {
  search?: string;
  kind?: ClientKind[];
  role?: string[];
  /** Filters by enabled or disabled; undefined lists both. */
  enabled?: boolean;
  /** Agents, or with false all others. */
  agent?: boolean;
  assertsIdentities?: boolean;
  limit: number;
  cursor?: string;
  /** The former name of `--cursor`. */
  after?: string;
}

async function list({ limit, cursor, after, ...options }: ListOptions): Promise<Report> {
  const { search, kind: kinds, role, enabled, agent, assertsIdentities } = options;
  const { items, nextCursor } = await clientsOf((clients, by) =>
    clients.list(by, {
      filters: { search, kind: kinds, role, enabled, agent, asserts_identities: assertsIdentities },
      limit,
      cursor: cursor ?? after,
    }),
  );
  const rows = items.map((client) => {
    const { client_id, name, kind, enabled, last_used_at, grant_types, token_endpoint_auth_method } =
      clientJson(client);
    const standing = enabled ? (last_used_at ?? 'never used') : 'disabled';
    return [client_id, name, kind, token_endpoint_auth_method, standing, grant_types.join(' ')];
  });
  return {
    json: { clients: items.map(clientJson), next_cursor: nextCursor },
    text: table(['client_id', 'name', 'kind', 'authentication', 'last used', 'grants'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await clientsOf((clients, by) => clients.remove(by, id));
  return { json: { client_id: id }, text: `Deleted ${id}.` };
}

interface UpdateOptions extends ClientOptions {
  name?: string;
  role?: string[] | false;
}

async function update(id: string, options: UpdateOptions): Promise<Report> {
  const { name, role } = options;
  const roles = role === false ? [] : role;
  const changes = { name, roles, metadata: changedMetadata(options) };
  const client = await clientsOf((clients, by) => clients.update(by, id, changes));
  return { json: clientJson(client), text: `Updated ${id}.` };
}

const setEnabled =
  (enabled: boolean) =>
  async (id: string): Promise<Report> => {
    const client = await clientsOf((clients, by) => clients.setEnabled(by, id, enabled));
    return { json: clientJson(client), text: `${enabled ? 'Enabled' : 'Disabled'} ${id}.` };
  };

async function consents(id: string, options: { limit: number; cursor?: string }): Promise<Report> {
  const { items, nextCursor } = await clientsOf((clients, by) => clients.consents(by, id, options));
  const users = items.map(({ id: userId, email, name, allowed, createdAt }) => ({
    id: userId,
    email,
    name,
    scopes: [...allowed.oidcScopes, ...Object.values(allowed.resourceScopes).flat()],
    since: createdAt.toISOString(),
  }));
  return {
    json: { users, next_cursor: nextCursor },
    text: table(
      ['email', 'since', 'scopes', 'id'],
      users.map((one) => [one.email, one.since, one.scopes.join(' '), one.id]),
    ),
  };
}

export function addClient(program: Command): void {
  const client = program.command('client').description('manage OAuth clients');
  reporting(
    withMetadataOptions(
      client
        .command('create')
        .description('register a client')
        .requiredOption('--name <name>', 'name shown on the consent page')
        .option('--public', 'public client, without a secret: a single-page, mobile or desktop app')
        .option(
          '--role <role>',
          'role of a service account at the management API (can be repeated)',
          repeated,
        )
        .option('--client-id <id>', 'client_id to keep from another service')
        .option('--client-secret-stdin', 'secret to keep from another service; read from standard input'),
    ),
    create,
  );
  reporting(
    withMetadataOptions(
      client
        .command('update')
        .description('update a client; options not given stay unchanged')
        .argument('<client_id>')
        .option('--name <name>', 'name shown on the consent page')
        .option('--role <role>', 'replaces all roles of a service account (can be repeated)', repeated)
        .option('--no-role', 'remove all roles of a service account'),
    ),
    update,
  );
  reporting(
    client
      .command('list')
      .description('list clients by id')
      .option('--search <text>', 'part of the name, or a prefix of the client_id')
      .option('--kind <kind>', `${CLIENT_KINDS.join(', ')} (can be repeated)`, kind)
      .option('--role <role>', 'service accounts with the role (can be repeated)', repeated)
      .option('--enabled', 'only enabled clients')
      .option('--no-enabled', 'only disabled clients')
      .option('--agent', 'only agents')
      .option('--no-agent', 'only clients that are not agents')
      .option(
        '--asserts-identities',
        'only clients that may get identity assertions for other servers (ID-JAG)',
      )
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 100)
      .option('--cursor <cursor>', 'next_cursor of the previous page')
      .addOption(new Option('--after <cursor>').hideHelp()),
    list,
  );
  reporting(
    client.command('enable').description('enable a client').argument('<client_id>'),
    setEnabled(true),
  );
  reporting(
    client
      .command('disable')
      .description('disable a client until it is enabled again')
      .argument('<client_id>'),
    setEnabled(false),
  );
  reporting(
    client
      .command('consents')
      .description('list people who consented to a client, latest first')
      .argument('<client_id>')
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 100)
      .option('--cursor <cursor>', 'next_cursor of the previous page'),
    consents,
  );
  reporting(
    client.command('show').description('show everything about a client').argument('<client_id>'),
    async (id: string) => (await import('./client-acts.ts')).showClient(id),
  );
  reporting(
    client
      .command('rotate-secret')
      .description('create a new secret; the previous one stays valid for a while')
      .argument('<client_id>')
      .option(
        '--overlap <seconds>',
        'how long the previous secret stays valid; 0 to end it now',
        integer(0, 90 * DAY),
        DAY,
      )
      .option('--expires-in <time>', 'lifetime of the new secret, like 90d; unlimited by default'),
    async (id: string, options: { overlap: number; expiresIn?: string }) =>
      (await import('./client-acts.ts')).rotateSecret(id, options),
  );
  reporting(
    client
      .command('secrets')
      .description('list the valid secrets of a client (never their values)')
      .argument('<client_id>'),
    async (id: string) => (await import('./client-acts.ts')).listSecrets(id),
  );
  reporting(
    client
      .command('remove-secret')
      .description('remove one of several secrets of a client')
      .argument('<client_id>')
      .argument('<secret_id>', 'id shown by `client secrets`'),
    async (id: string, secretId: string) => (await import('./client-acts.ts')).removeSecret(id, secretId),
  );
  reporting(
    client
      .command('diagnose')
      .description('explain recent refused requests of a client and how to fix them')
      .argument('<client_id>'),
    async (id: string) => (await import('./client-acts.ts')).diagnose(id),
  );
  reporting(
    client.command('delete').description('delete a client and end its tokens').argument('<client_id>'),
    remove,
  );
}
