import { type Command, Option } from 'commander';
import type { ApiAdmin } from '../../domain/apis.ts';
import {
  SIGNING_ALGS,
  type SigningAlg,
  TOKEN_TYPE_HEADERS,
  type TokenTypeHeader,
} from '../../core/tokens.ts';
import type { ApiRecord } from '../../storage/apis.ts';
import { operator } from '../operator.ts';
import { integer, repeated } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

const apisOf = async <T>(work: (apis: ApiAdmin) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ apis }) => work(apis));
};

const toJson = (api: ApiRecord) => ({
  identifier: api.identifier,
  name: api.name,
  scopes: api.scopes,
  access_token_format: api.accessTokenFormat,
  access_token_ttl: api.accessTokenTtl,
  signing_alg: api.signingAlg,
  token_type_header: api.tokenTypeHeader,
});

interface CreateOptions {
  identifier: string;
  name: string;
  scope?: string[];
  format: 'jwt' | 'opaque';
  ttl?: number | null;
  alg: SigningAlg;
  tokenTypeHeader: TokenTypeHeader;
}

async function create({
  identifier,
  name,
  scope = [],
  format,
  ttl = null,
  alg,
  tokenTypeHeader,
}: CreateOptions): Promise<Report> {
  const api: ApiRecord = {
    identifier,
    name,
    scopes: scope,
    accessTokenFormat: format,
    accessTokenTtl: ttl,
    signingAlg: alg,
    tokenTypeHeader,
  };
  const saved = await apisOf((apis) => apis.save(api, operator()));
  return { json: toJson(saved), text: `Registered ${saved.identifier}.` };
}

async function list(): Promise<Report> {
  const all = await apisOf((apis) => apis.list());
  const rows = all.map((api) => [
    api.identifier,
    api.name,
    api.accessTokenFormat === 'jwt' ? `${api.tokenTypeHeader} ${api.signingAlg}` : api.accessTokenFormat,
    api.accessTokenTtl === null ? 'default' : `${api.accessTokenTtl} s`,
    api.scopes.join(' '),
  ]);
  return {
    json: { apis: all.map(toJson) },
    text: table(['identifier', 'name', 'tokens', 'live', 'scopes'], rows),
  };
}

async function remove(identifier: string): Promise<Report> {
  await apisOf((apis) => apis.delete(identifier, operator()));
  return { json: { identifier }, text: `Deleted ${identifier}.` };
}

export function addApi(program: Command): void {
  const api = program
    .command('api')
    .description('APIs that access tokens can be for: register, list, delete');
  reporting(
    api
      .command('create')
      .description('register an API, or replace what was known of it')
      .requiredOption('--identifier <uri>', "an absolute URI: the tokens' audience")
      .requiredOption('--name <name>', 'what people know it by')
      .option('--scope <scope>', 'a scope of it (can be repeated)', repeated)
      .addOption(
        new Option('--format <format>', 'of its access tokens').choices(['jwt', 'opaque']).default('jwt'),
      )
      .option('--ttl <seconds>', 'how long its access tokens live', integer(1, 86_400))
      .addOption(
        new Option('--alg <alg>', 'what its JWTs are signed with').choices(SIGNING_ALGS).default('ES256'),
      )
      .addOption(
        new Option('--token-type-header <typ>', 'what its JWTs say they are: jwt where at+jwt is refused')
          .choices(TOKEN_TYPE_HEADERS)
          .default('at+jwt'),
      ),
    create,
  );
  reporting(api.command('list').description('list the APIs'), list);
  reporting(api.command('delete').description('forget an API').argument('<identifier>', 'its URI'), remove);
}
