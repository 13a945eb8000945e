import { type Command } from 'commander';
import type { Administration } from '../../container/administration.ts';
import type { Core } from '../../container/core.ts';
import { DomainError } from '../../core/errors.ts';
import type { Api } from '../../domain/apis.ts';
import { metadataUrlOf, protectedResourceMetadata, snippetsOf } from '../../domain/mcp-servers.ts';
import { manager } from '../operator.ts';
import { integer, repeated } from '../options.ts';
import { facts, type Report, reporting, table } from '../report.ts';

const withServers = async <T>(work: (core: Core & Administration) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(work);
};

/**
 * The identifier of an MCP server's API: its URL without a trailing slash (MCP Authorization, "Canonical Server URI").
 * @throws DomainError invalid_request for anything but a server's URL.
 */
function identifierOf(typed: string): string {
  const url = URL.parse(typed);
  if (
    !url ||
    !/^https?:$/.test(url.protocol) ||
    url.hash !== '' ||
    url.username !== '' ||
    url.password !== ''
  )
    throw new DomainError('invalid_request', {
      field: 'url',
      reason: 'must be the https URL of the MCP server, without a fragment',
    });
  return url.search === '' ? url.href.replace(/\/+$/, '') : url.href;
}

/** Finds an MCP server by URL, with or without a trailing slash. @throws DomainError api_not_found. */
async function findServer({ apis }: Pick<Administration, 'apis'>, typed: string): Promise<Api> {
  const identifier = identifierOf(typed);
  const forms = [identifier, typed, `${identifier}/`];
  for (const form of new Set(forms)) {
    const api = await apis.find(manager(), form).catch((error: unknown) => {
      if (error instanceof DomainError && error.code === 'api_not_found') return undefined;
      throw error;
    });
    if (api?.dynamicClients) return api;
  }
  throw new DomainError('api_not_found');
}

const toJson = (api: Api) => ({
  identifier: api.identifier,
  name: api.name,
  scopes: api.scopes,
  default_scopes: api.defaultScopes ?? api.scopes,
});

/** Describes an MCP server: its API, its RFC 9728 document, and the code that serves the document. */
function described(api: Api, issuer: string, headline: string): Report {
  const document = protectedResourceMetadata(api, issuer);
  const metadataUrl = metadataUrlOf(api.identifier);
  const snippets = snippetsOf(api, issuer);
  const text = [
    headline,
    `\nServe this at ${metadataUrl} (RFC 9728):\n\n${JSON.stringify(document, null, 2)}`,
    `\nTypeScript (npm install @modelcontextprotocol/sdk express jose):\n\n${snippets.typescript}`,
    `\nPython (pip install mcp pyjwt[crypto]):\n\n${snippets.python}`,
  ].join('\n');
  return {
    json: {
      ...toJson(api),
      authorization_server: issuer,
      protected_resource_metadata_url: metadataUrl,
      protected_resource_metadata: document,
      snippets,
    },
    text,
  };
}

interface Options {
  name?: string;
  scope?: string[];
  defaultScope?: string[];
  ttl?: number;
}

async function add(url: string, { name, scope = [], defaultScope, ttl }: Options): Promise<Report> {
  const identifier = identifierOf(url);
  return withServers(async (core) => {
    const api = await core.apis.save(manager(), {
      identifier,
      name: name ?? new URL(identifier).host,
      scopes: scope,
      dynamicClients: true,
      defaultScopes: defaultScope ?? null,
      accessTokenTtl: ttl ?? null,
    });
    return described(api, core.config.publicUrl, `Added ${api.name}, ${api.identifier}.`);
  });
}

async function show(url: string): Promise<Report> {
  return withServers(async (core) => {
    const api = await findServer(core, url);
    const lines = facts([
      ['identifier', api.identifier],
      ['name', api.name],
      ['scopes', api.scopes.join(' ')],
      ['default scopes', (api.defaultScopes ?? api.scopes).join(' ')],
    ]);
    return described(api, core.config.publicUrl, lines);
  });
}

async function list({ limit, cursor }: { limit: number; cursor?: string }): Promise<Report> {
  const { items, nextCursor } = await withServers(({ apis }) =>
    apis.list(manager(), { filters: { dynamicClients: true }, limit, cursor }),
  );
  return {
    json: { servers: items.map(toJson), next_cursor: nextCursor },
    text: table(
      ['identifier', 'name', 'scopes'],
      items.map((api) => [api.identifier, api.name, api.scopes.join(' ')]),
    ),
  };
}

async function remove(url: string): Promise<Report> {
  return withServers(async (core) => {
    const { identifier } = await findServer(core, url);
    await core.apis.remove(manager(), identifier);
    return {
      json: { identifier },
      text: `Removed ${identifier}. No new tokens are issued for it; existing ones stay valid until they expire.`,
    };
  });
}

export function addMcp(program: Command): void {
  const mcp = program
    .command('mcp')
    .description('manage the MCP servers that this authorization server protects');
  const URL_OF = ['<url>', 'URL that clients connect to'] as const;
  reporting(
    mcp
      .command('add')
      .description('add a server; clients that no operator registered may request its scopes')
      .argument(...URL_OF)
      .option('--name <name>', 'name shown to people; default: its host')
      .option('--scope <scope>', 'scope of the API (can be repeated)', repeated)
      .option(
        '--default-scope <scope>',
        'scope of requests without one; default: all scopes (can be repeated)',
        repeated,
      )
      .option('--ttl <seconds>', 'lifetime of access tokens in seconds', integer(1, 86_400)),
    add,
  );
  reporting(
    mcp
      .command('list')
      .description('list the servers')
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 100)
      .option('--cursor <cursor>', 'next_cursor of the previous page'),
    list,
  );
  reporting(
    mcp
      .command('show')
      .description('show everything about a server, with sample code for it')
      .argument(...URL_OF),
    show,
  );
  reporting(
    mcp
      .command('remove')
      .description('remove a server; no new tokens are issued for it')
      .argument(...URL_OF),
    remove,
  );
}
