import { type Command, Option } from 'commander';
import type { Api, ApiAdmin, ApiChanges } from '../../domain/apis.ts';
import {
  SIGNING_ALGS,
  type SigningAlg,
  TOKEN_TYPE_HEADERS,
  type TokenTypeHeader,
} from '../../core/tokens.ts';
import { type Operator, shellOperator } from '../../domain/operators/operator.ts';
import { operator } from '../operator.ts';
import { integer, repeated } from '../options.ts';
import { facts, type Report, reporting, shown, table } from '../report.ts';

const apisOf = async <T>(work: (apis: ApiAdmin, by: Operator) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ apis }) => work(apis, shellOperator(operator())));
};

const toJson = (api: Api) => ({
  identifier: api.identifier,
  name: api.name,
  scopes: api.scopes,
  access_token_format: api.accessTokenFormat,
  access_token_ttl: api.accessTokenTtl,
  signing_alg: api.signingAlg,
  token_type_header: api.tokenTypeHeader,
  enforce_roles: api.enforceRoles,
  // Shown only when set: scripts rely on the earlier shape of `--json`.
  ...(api.dynamicClients ? { dynamic_clients: true } : {}),
  ...(api.defaultScopes === null ? {} : { default_scopes: api.defaultScopes }),
});

interface Options {
  name?: string;
  scope?: string[];
  format?: 'jwt' | 'opaque';
  /** False with --no-ttl. */
  ttl?: number | false;
  alg?: SigningAlg;
  tokenTypeHeader?: TokenTypeHeader;
  enforceRoles?: boolean;
  dynamicClients?: boolean;
  defaultScope?: string[];
}

/** Converts options to fields of an API. */
const changesOf = ({
  name,
  scope,
  format,
  ttl,
  alg,
  tokenTypeHeader,
  enforceRoles,
  dynamicClients,
  defaultScope,
}: Options): ApiChanges => ({
  ...(name === undefined ? {} : { name }),
  ...(scope === undefined ? {} : { scopes: scope }),
  ...(format === undefined ? {} : { accessTokenFormat: format }),
  ...(ttl === undefined ? {} : { accessTokenTtl: ttl === false ? null : ttl }),
  ...(alg === undefined ? {} : { signingAlg: alg }),
  ...(tokenTypeHeader === undefined ? {} : { tokenTypeHeader }),
  ...(enforceRoles === undefined ? {} : { enforceRoles }),
  ...(dynamicClients === undefined ? {} : { dynamicClients }),
  ...(defaultScope === undefined ? {} : { defaultScopes: defaultScope }),
});

async function create({
  identifier,
  name,
  ...options
}: Options & { identifier: string; name: string }): Promise<Report> {
  const saved = await apisOf((apis, by) => apis.save(by, { ...changesOf(options), identifier, name }));
  return { json: toJson(saved), text: `Registered ${saved.identifier}.` };
}

async function update(identifier: string, options: Options): Promise<Report> {
  const changed = await apisOf((apis, by) => apis.update(by, identifier, changesOf(options)));
  return { json: toJson(changed), text: `Updated ${identifier}.` };
}

async function show(identifier: string): Promise<Report> {
  const json = toJson(await apisOf((apis, by) => apis.find(by, identifier)));
  const lines = Object.entries(json).map(([name, value]): [string, string] => [name, shown(value)]);
  return { json, text: facts(lines) };
}

interface ListOptions {
  search?: string;
  limit: number;
  cursor?: string;
}

async function list({ search, limit, cursor }: ListOptions): Promise<Report> {
  const { items, nextCursor } = await apisOf((apis, by) =>
    apis.list(by, { filters: { search }, limit, cursor }),
  );
  const rows = items.map((api) => [
    api.identifier,
    api.name,
    api.accessTokenFormat === 'jwt' ? `${api.tokenTypeHeader} ${api.signingAlg}` : api.accessTokenFormat,
    api.accessTokenTtl === null ? 'default' : `${api.accessTokenTtl} s`,
    api.enforceRoles ? 'enforced' : '-',
    api.scopes.join(' '),
  ]);
  return {
    json: { apis: items.map(toJson), next_cursor: nextCursor },
    text: table(['identifier', 'name', 'tokens', 'lifetime', 'roles', 'scopes'], rows),
  };
}

async function remove(identifier: string): Promise<Report> {
  await apisOf((apis, by) => apis.remove(by, identifier));
  return { json: { identifier }, text: `Deleted ${identifier}.` };
}

/** Adds the options that describe an API. */
const withContent = (command: Command): Command =>
  command
    .option('--scope <scope>', 'scope of the API (can be repeated)', repeated)
    .addOption(
      new Option('--format <format>', 'format of access tokens; default: jwt').choices(['jwt', 'opaque']),
    )
    .option('--ttl <seconds>', 'lifetime of access tokens in seconds', integer(1, 86_400))
    .addOption(new Option('--alg <alg>', 'signing algorithm of JWTs; default: ES256').choices(SIGNING_ALGS))
    .addOption(
      new Option('--token-type-header <typ>', 'typ header of JWTs; default: at+jwt').choices(
        TOKEN_TYPE_HEADERS,
      ),
    )
    .option('--enforce-roles', "limit a person's tokens to the scopes that their roles allow")
    .option('--no-enforce-roles', "ignore people's roles")
    .option('--dynamic-clients', 'let clients that no operator registered request its scopes')
    .option('--no-dynamic-clients', 'only clients registered by an operator may request its scopes')
    .option(
      '--default-scope <scope>',
      'scope of requests without one; default: all scopes (can be repeated)',
      repeated,
    );

const IDENTIFIER = ['<identifier>', 'its URI'] as const;

export function addApi(program: Command): void {
  const api = program.command('api').description('manage APIs that access tokens are issued for');
  reporting(
    withContent(
      api
        .command('create')
        .description('register an API, or replace its settings')
        .requiredOption('--identifier <uri>', 'absolute URI, the audience of its tokens')
        .requiredOption('--name <name>', 'name shown to people'),
    ),
    create,
  );
  reporting(
    withContent(
      api
        .command('update')
        .description('update an API; options not given stay unchanged')
        .argument(...IDENTIFIER)
        .option('--name <name>', 'name shown to people'),
    ).option('--no-ttl', 'use the default lifetime of access tokens'),
    update,
  );
  reporting(
    api
      .command('list')
      .description('list APIs by identifier')
      .option('--search <text>', 'part of the identifier or the name')
      .option('--limit <n>', 'maximum number of results', integer(1, 1000), 100)
      .option('--cursor <cursor>', 'next_cursor of the previous page'),
    list,
  );
  reporting(
    api
      .command('show')
      .description('show everything about an API')
      .argument(...IDENTIFIER),
    show,
  );
  reporting(
    api
      .command('delete')
      .description('delete an API')
      .argument(...IDENTIFIER),
    remove,
  );
}
