import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isDomainError } from '../../core/errors.ts';
import type {
  ManagedUpstream,
  UpstreamAdmin,
  UpstreamChanges,
  UpstreamTest,
} from '../../domain/upstream-admin.ts';
import { UsageError } from '../failure.ts';
import { manager } from '../operator.ts';
import { integer, repeated } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

const upstreamsOf = async <T>(work: (upstreams: UpstreamAdmin) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ upstreams }) => work(upstreams));
};

/** Maximum rows of a page. */
const MOST = 100;

interface UpstreamOptions {
  name?: string;
  issuer?: string;
  authorizationEndpoint?: string;
  tokenEndpoint?: string;
  userinfoEndpoint?: string;
  claim?: Record<string, string>;
  clientId?: string;
  clientSecretFile?: string;
  scope?: string[];
  logo?: string;
  trustEmail?: boolean;
}

const toJson = (one: ManagedUpstream) => ({
  id: one.id,
  name: one.name,
  issuer: one.issuer ?? null,
  endpoints: one.endpoints ?? null,
  client_id: one.clientId,
  scopes: one.scopes ?? null,
  trust_email: one.trustEmail,
  enabled: one.enabled,
  configured: one.configured,
  linked: one.linked,
  version: one.version,
});

/** Parses `name=value` and adds it to the earlier ones. */
function claim(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^(subject|email|emailVerified|name|username)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError(
      'must be like email=mail; subject, email, emailVerified, name or username.',
    );
  return { ...previous, [name]: value };
}

/** Reads a secret from a file; `-` is standard input. A secret in an argument would show in the process list. @throws UsageError. */
function secretIn(file: string): string {
  try {
    const secret = readFileSync(file === '-' ? 0 : file, 'utf8').trim();
    if (secret !== '') return secret;
  } catch (error) {
    throw new UsageError(`Cannot read the secret: ${(error as Error).message}`);
  }
  throw new UsageError('The file with the secret is empty.');
}

/** Converts the options to changes. Options that are not given change nothing. @throws UsageError. */
function contentOf({
  authorizationEndpoint: authorization = '',
  tokenEndpoint: token = '',
  userinfoEndpoint: userinfo = '',
  clientSecretFile,
  claim: claims,
  scope: scopes,
  name,
  issuer,
  clientId,
  logo,
  trustEmail,
}: UpstreamOptions): UpstreamChanges {
  const hasEndpoints = authorization !== '' || token !== '' || userinfo !== '';
  return {
    name,
    clientId,
    logo,
    trustEmail,
    issuer,
    // A provider has either an issuer or endpoints; the update may name only one of them.
    ...(hasEndpoints ? { endpoints: { authorization, token, userinfo }, issuer: issuer ?? null } : {}),
    ...(issuer !== undefined && !hasEndpoints ? { endpoints: null } : {}),
    ...(claims === undefined ? {} : { claims }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(clientSecretFile === undefined ? {} : { clientSecret: secretIn(clientSecretFile) }),
  };
}

/** Report invalid options as a usage error. */
const parsed = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    if (!isDomainError(error, 'invalid_request')) throw error;
    const { field = '', reason = '' } = error.details;
    throw new UsageError(`${field} ${reason}`.trim());
  });

const told = (result: UpstreamTest): string =>
  result.ok ? 'It answers.' : `It does not answer yet: ${result.why}`;

async function create({ id, ...options }: UpstreamOptions & { id: string }): Promise<Report> {
  const content = contentOf(options);
  const { made, result } = await upstreamsOf(async (upstreams) => {
    const made = await parsed(upstreams.create(manager(), { id, ...content }, { untested: true }));
    return { made, result: await upstreams.test(manager(), id) };
  });
  return { json: { ...toJson(made), test: result }, text: `Registered ${id}. ${told(result)}` };
}

async function update(id: string, options: UpstreamOptions): Promise<Report> {
  const content = contentOf(options);
  const changed = await upstreamsOf((upstreams) => parsed(upstreams.update(manager(), id, content)));
  return { json: toJson(changed), text: `Changed ${id}.` };
}

const enabling =
  (enabled: boolean) =>
  async (id: string): Promise<Report> => {
    const changed = await upstreamsOf((upstreams) => parsed(upstreams.update(manager(), id, { enabled })));
    return { json: toJson(changed), text: `${enabled ? 'Enabled' : 'Disabled'} ${id}.` };
  };

async function test(id: string): Promise<Report> {
  const result = await upstreamsOf((upstreams) => upstreams.test(manager(), id));
  return { json: { ...result }, text: told(result), failed: !result.ok };
}

async function show(id: string): Promise<Report> {
  const found = toJson(await upstreamsOf((upstreams) => upstreams.find(manager(), id)));
  const rows = Object.entries(found).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { json: found, text: table(['', ''], rows) };
}

async function list(): Promise<Report> {
  const all = await upstreamsOf((upstreams) => upstreams.list(manager()));
  const rows = all.map(({ id, name, issuer, endpoints, configured, enabled, linked }) => [
    id,
    name,
    issuer ?? endpoints?.authorization ?? '',
    configured ? 'configuration' : 'command',
    enabled ? 'enabled' : 'disabled',
    String(linked),
  ]);
  return {
    json: { upstreams: all.map(toJson) },
    text: table(['id', 'name', 'at', 'from', 'is', 'linked'], rows),
  };
}

async function users(id: string, { limit, after }: { limit: number; after?: string }): Promise<Report> {
  const page = await upstreamsOf((upstreams) => upstreams.linked(manager(), id, { limit, cursor: after }));
  const json = page.items.map((one) => ({
    id: one.id,
    email: one.email,
    name: one.name,
    subject: one.subject,
    label: one.label,
    created_at: one.createdAt,
    last_used_at: one.lastUsedAt,
  }));
  const rows = json.map((one) => [
    one.id,
    one.email,
    one.label ?? one.subject,
    one.last_used_at?.toISOString() ?? '-',
  ]);
  return {
    json: { users: json, next_cursor: page.nextCursor },
    text: table(['id', 'address', 'account there', 'last used'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await upstreamsOf((upstreams) => upstreams.remove(manager(), id, { linked: true }));
  return { json: { id }, text: `Deleted ${id}.` };
}

/** Adds the options that `create` and `update` share. */
const settable = (command: Command): Command =>
  command
    .option('--issuer <url>', 'issuer of an OpenID Provider')
    .option('--authorization-endpoint <url>', 'authorization endpoint of a service with OAuth 2.0 only')
    .option('--token-endpoint <url>', 'token endpoint of such a service')
    .option('--userinfo-endpoint <url>', 'userinfo endpoint of such a service, which replies with JSON')
    .addOption(
      new Option('--claim <name=value>', 'its name for a claim, like subject=id (can be repeated)').argParser(
        claim,
      ),
    )
    .option('--scope <scope>', 'scope to request (can be repeated)', repeated)
    .option('--logo <url>', 'https URL, or a file in views/assets')
    .option('--trust-email', 'accept its word that an email address is verified');

export function addUpstream(program: Command): void {
  const upstream = program
    .command('upstream')
    .description('manage other providers that people may sign in with');
  reporting(
    settable(
      upstream
        .command('create')
        .description(
          'register a provider; the redirect URI to register there is PUBLIC_URL/upstream/<id>/callback',
        )
        .requiredOption('--id <id>', 'id in its URLs: a-z, 0-9 and -')
        .requiredOption('--name <name>', 'name shown to people')
        .requiredOption('--client-id <id>', 'client_id that it issued to Postern')
        .requiredOption(
          '--client-secret-file <file>',
          'file with the secret that it issued to Postern; - for standard input',
        ),
    ),
    create,
  );
  reporting(upstream.command('list').description('list the providers'), list);
  reporting(upstream.command('show').description('show a provider').argument('<id>', 'provider id'), show);
  reporting(
    settable(
      upstream
        .command('update')
        .description('update a provider; options not given stay unchanged')
        .argument('<id>', 'provider id')
        .option('--name <name>', 'name shown to people')
        .option('--client-id <id>', 'client_id that it issued to Postern')
        .option(
          '--client-secret-file <file>',
          'file with the secret that it issued to Postern; - for standard input',
        ),
    ),
    update,
  );
  reporting(
    upstream.command('enable').description('enable sign-in with a provider').argument('<id>', 'provider id'),
    enabling(true),
  );
  reporting(
    upstream
      .command('disable')
      .description('disable sign-in with a provider')
      .argument('<id>', 'provider id'),
    enabling(false),
  );
  reporting(
    upstream
      .command('users')
      .description('list the accounts linked with a provider, latest first')
      .argument('<id>', 'provider id')
      .option('--limit <n>', 'maximum number of results', integer(1, MOST), MOST)
      .option('--after <cursor>', 'next_cursor of the previous page'),
    users,
  );
  reporting(
    upstream
      .command('test')
      .description('fetch the discovery document of a provider; exit status 1 if it is unusable')
      .argument('<id>', 'provider id'),
    test,
  );
  reporting(
    upstream.command('delete').description('delete a provider').argument('<id>', 'provider id'),
    remove,
  );
}
