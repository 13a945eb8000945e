import type { Command } from 'commander';
import type { ClientAdmin } from '../../domain/clients.ts';
import {
  changedMetadata,
  clientMetadata,
  type ClientOptions,
  type NewClientOptions,
  provesItselfByAssertion,
} from '../client-metadata.ts';
import { clientJson } from '../client-report.ts';
import { withMetadataOptions } from '../client-options.ts';
import { operator } from '../operator.ts';
import { integer, readSecret, repeated } from '../options.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const DAY = 86_400;

const clientsOf = async <T>(work: (clients: ClientAdmin) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ clients }) => work(clients));
};

async function create(options: NewClientOptions): Promise<Report> {
  const metadata = clientMetadata(options);
  const isPublic = options.public ?? provesItselfByAssertion(options);
  const { name, clientId: id, clientSecretStdin, role: roles } = options;
  const brought = clientSecretStdin ? await readSecret() : undefined;
  const { client, secret } = await clientsOf((clients) =>
    clients.create({ id, secret: brought, name, isPublic, metadata, roles }, operator()),
  );
  const shown: [string, string][] =
    secret === null ? [] : [['client_secret', `${secret}   (shown this once)`]];
  return {
    json: { ...clientJson(client), client_secret: secret },
    text: facts([['client_id', client.id], ...shown]),
  };
}

async function list({ limit, after }: { limit: number; after?: string }): Promise<Report> {
  const all = await clientsOf((clients) =>
    clients.list({ limit, ...(after === undefined ? {} : { after }) }),
  );
  const rows = all.map((client) => {
    const { client_id, name, grant_types, token_endpoint_auth_method } = clientJson(client);
    return [client_id, name, token_endpoint_auth_method, grant_types.join(' ')];
  });
  return {
    json: { clients: all.map(clientJson), next_cursor: all.length < limit ? null : (all.at(-1)?.id ?? null) },
    text: table(['client_id', 'name', 'authenticates by', 'grants'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await clientsOf((clients) => clients.delete(id, operator()));
  return { json: { client_id: id }, text: `Deleted ${id}.` };
}

interface UpdateOptions extends ClientOptions {
  name?: string;
}

async function update(id: string, options: UpdateOptions): Promise<Report> {
  const { name } = options;
  const changes = { ...(name === undefined ? {} : { name }), metadata: changedMetadata(options) };
  const client = await clientsOf((clients) => clients.update(id, changes, operator()));
  return { json: clientJson(client), text: `Updated ${id}.` };
}

export function addClient(program: Command): void {
  const client = program.command('client').description('OAuth clients: register, change, show, list, delete');
  reporting(
    withMetadataOptions(
      client
        .command('create')
        .description('register a client')
        .requiredOption('--name <name>', 'what people see when it asks for their consent')
        .option('--public', 'it can keep no secret: an SPA, a mobile or desktop app')
        .option(
          '--role <role>',
          'what a service account may do at the management API (can be repeated)',
          repeated,
        )
        .option('--client-id <id>', 'the client_id that it has elsewhere, to bring it along')
        .option('--client-secret-stdin', 'read the secret that it has elsewhere from standard input'),
    ),
    create,
  );
  reporting(
    withMetadataOptions(
      client
        .command('update')
        .description('change what is said, and leave the rest as it is')
        .argument('<client_id>')
        .option('--name <name>', 'what people see when it asks for their consent'),
    ),
    update,
  );
  reporting(
    client
      .command('list')
      .description('list the clients, by their id')
      .option('--limit <n>', 'how many', integer(1, 1000), 100)
      .option('--after <client_id>', 'go on after this one'),
    list,
  );
  reporting(
    client.command('show').description('all that there is of a client').argument('<client_id>'),
    async (id: string) => (await import('./client-show.ts')).showClient(id),
  );
  reporting(
    client
      .command('rotate-secret')
      .description('give a client another secret; the former one counts for a time')
      .argument('<client_id>')
      .option('--overlap <seconds>', 'for how long, 0 for not at all', integer(0, 90 * DAY), DAY),
    async (id: string, options: { overlap: number }) =>
      (await import('./client-rotate-secret.ts')).rotateSecret(id, options),
  );
  reporting(
    client
      .command('diagnose')
      .description('what was refused to a client lately, and what to do')
      .argument('<client_id>'),
    async (id: string) => (await import('./client-diagnose.ts')).diagnose(id),
  );
  reporting(
    client.command('delete').description('delete a client and end its tokens').argument('<client_id>'),
    remove,
  );
}
