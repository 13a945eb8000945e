import { type Command, Option } from 'commander';
import type { ClientAdmin } from '../../domain/clients.ts';
import type { ClientRecord } from '../../storage/clients.ts';
import { type ClientOptions, clientMetadata } from '../client-metadata.ts';
import { operator } from '../operator.ts';
import { integer, jsonObject, repeated } from '../options.ts';
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

async function create(options: ClientOptions): Promise<Report> {
  const metadata = clientMetadata(options);
  const isPublic = options.public ?? false;
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

function addCreate(client: Command): void {
  const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
  reporting(
    client
      .command('create')
      .description('register a client')
      .requiredOption('--name <name>', 'what people see when it asks for their consent')
      .option('--public', 'it can keep no secret: an SPA, a mobile or desktop app')
      .option('--redirect-uri <uri>', 'where people are sent back to (can be repeated)', repeated)
      .option(
        '--grant <type>',
        'authorization_code (the default), refresh_token, client_credentials (can be repeated)',
        repeated,
      )
      .option(
        '--post-logout-redirect-uri <uri>',
        'where people may be sent after signing out (can be repeated)',
        repeated,
      )
      .option('--scope <scope>', 'a scope that it may ask for; without any, all (can be repeated)', repeated)
      .option('--first-party', 'people are not asked for consent')
      .option(
        '--cors-origin <origin>',
        "an origin that may call from a browser, beside its redirect URIs' (can be repeated)",
        repeated,
      )
      .option('--default-resource <uri>', 'the API that its tokens are for when it names none')
      .option(
        '--refresh-grace <seconds>',
        'how long a rotated refresh token gets the same successor',
        integer(0, 60),
      )
      .option('--no-pkce', 'do not require PKCE of it')
      .addOption(new Option('--auth-method <method>', 'how it authenticates').choices(authMethods))
      .addOption(
        new Option('--application-type <type>', 'OpenID Connect application_type').choices(['web', 'native']),
      )
      .option(
        '--metadata <json>',
        'more RFC 7591 metadata, such as {"jwks_uri":"…","logo_uri":"…"}',
        jsonObject,
      ),
    create,
  );
}

export function addClient(program: Command): void {
  const client = program.command('client').description('OAuth clients: register, list, delete');
  addCreate(client);
  reporting(
    client
      .command('list')
      .description('list the clients, by their id')
      .option('--limit <n>', 'how many', integer(1, 1000), 100)
      .option('--after <client_id>', 'go on after this one'),
    list,
  );
  reporting(
    client.command('delete').description('delete a client and end its tokens').argument('<client_id>'),
    remove,
  );
}
