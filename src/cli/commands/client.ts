import type { Command } from 'commander';
import type { ClientAdmin } from '../../domain/clients.ts';
import type { ClientRecord } from '../../storage/clients.ts';
import {
  changedMetadata,
  clientMetadata,
  type ClientOptions,
  type NewClientOptions,
  provesItselfByAssertion,
} from '../client-metadata.ts';
import { withMetadataOptions } from '../client-options.ts';
import { operator } from '../operator.ts';
import { integer } from '../options.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const clientsOf = async <T>(work: (clients: ClientAdmin) => Promise<T>, provider: boolean): Promise<T> => {
  const { withContainer } = await import('../session.ts');
  return withContainer(({ clients }) => work(clients), { provider });
};

const toJson = ({ id, name, metadata, createdAt }: ClientRecord) => ({
  client_id: id,
  name,
  grant_types: (metadata['grant_types'] ?? ['authorization_code']) as string[],
  redirect_uris: (metadata['redirect_uris'] ?? []) as string[],
  token_endpoint_auth_method: (metadata['token_endpoint_auth_method'] ?? 'client_secret_basic') as string,
  created_at: createdAt.toISOString(),
});

async function create(options: NewClientOptions): Promise<Report> {
  const metadata = clientMetadata(options);
  const isPublic = options.public ?? provesItselfByAssertion(options);
  const { client, secret } = await clientsOf(
    (clients) => clients.create({ name: options.name, isPublic, metadata }, operator()),
    true,
  );
  const shown: [string, string][] =
    secret === null ? [] : [['client_secret', `${secret}   (shown this once)`]];
  return {
    json: { ...toJson(client), client_secret: secret },
    text: facts([['client_id', client.id], ...shown]),
  };
}

async function list({ limit, after }: { limit: number; after?: string }): Promise<Report> {
  const all = await clientsOf(
    (clients) => clients.list({ limit, ...(after === undefined ? {} : { after }) }),
    false,
  );
  const rows = all.map((client) => {
    const { client_id, name, grant_types, token_endpoint_auth_method } = toJson(client);
    return [client_id, name, token_endpoint_auth_method, grant_types.join(' ')];
  });
  return {
    json: { clients: all.map(toJson) },
    text: table(['client_id', 'name', 'authenticates by', 'grants'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await clientsOf((clients) => clients.delete(id, operator()), false);
  return { json: { client_id: id }, text: `Deleted ${id}.` };
}

interface UpdateOptions extends ClientOptions {
  name?: string;
}

async function update(id: string, options: UpdateOptions): Promise<Report> {
  const { name } = options;
  const changes = { ...(name === undefined ? {} : { name }), metadata: changedMetadata(options) };
  const client = await clientsOf((clients) => clients.update(id, changes, operator()), true);
  return { json: toJson(client), text: `Updated ${id}.` };
}

export function addClient(program: Command): void {
  const client = program.command('client').description('OAuth clients: register, change, list, delete');
  reporting(
    withMetadataOptions(
      client
        .command('create')
        .description('register a client')
        .requiredOption('--name <name>', 'what people see when it asks for their consent')
        .option('--public', 'it can keep no secret: an SPA, a mobile or desktop app'),
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
