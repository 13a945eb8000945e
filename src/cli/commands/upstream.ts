import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { UpstreamSettings } from '../../config/upstreams.ts';
import type { UpstreamAdmin } from '../../domain/upstream-admin.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { repeated } from '../options.ts';
import { type Report, reporting, table } from '../report.ts';

const upstreamsOf = async <T>(work: (upstreams: UpstreamAdmin) => Promise<T>): Promise<T> => {
  const { withCore } = await import('../session.ts');
  return withCore(({ upstreams }) => work(upstreams));
};

interface CreateOptions {
  id: string;
  name: string;
  issuer?: string;
  authorizationEndpoint?: string;
  tokenEndpoint?: string;
  userinfoEndpoint?: string;
  claim?: Record<string, string>;
  clientId: string;
  clientSecretFile: string;
  scope?: string[];
  logo?: string;
  trustEmail?: boolean;
}

const toJson = ({ id, name, issuer, endpoints, clientId }: UpstreamSettings) => ({
  id,
  name,
  issuer: issuer ?? null,
  endpoints: endpoints ?? null,
  client_id: clientId,
});

/** `name=value`, added to those before. */
function claim(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^(subject|email|emailVerified|name|username)=(.+)$/.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError(
      'must be like email=mail; subject, email, emailVerified, name or username.',
    );
  return { ...previous, [name]: value };
}

/** The secret in a file; `-` is standard input, so that none is in the list of processes. @throws UsageError. */
function secretIn(file: string): string {
  try {
    const secret = readFileSync(file === '-' ? 0 : file, 'utf8').trim();
    if (secret !== '') return secret;
  } catch (error) {
    throw new UsageError(`Cannot read the secret: ${(error as Error).message}`);
  }
  throw new UsageError('The file with the secret is empty.');
}

async function create(options: CreateOptions): Promise<Report> {
  const {
    authorizationEndpoint: authorization,
    tokenEndpoint: token,
    userinfoEndpoint: userinfo,
    clientSecretFile,
    claim: claims,
    scope: scopes,
    ...rest
  } = options;
  const hasEndpoints = authorization !== undefined || token !== undefined || userinfo !== undefined;
  const { upstreamSchema } = await import('../../config/upstreams.ts');
  const parsed = upstreamSchema.safeParse({
    id: rest.id,
    name: rest.name,
    issuer: rest.issuer,
    endpoints: hasEndpoints ? { authorization, token, userinfo } : undefined,
    claims,
    clientId: rest.clientId,
    scopes,
    logo: rest.logo,
    trustEmail: rest.trustEmail,
  });
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      [path.join('.'), message].join(' ').trim(),
    );
    throw new UsageError(problems.join('; '));
  }
  const upstream = { ...parsed.data, clientSecret: secretIn(clientSecretFile) };
  await upstreamsOf((upstreams) => upstreams.create(upstream, operator()));
  return { json: toJson(upstream), text: `Registered ${upstream.id}.` };
}

async function list(): Promise<Report> {
  const all = await upstreamsOf((upstreams) => upstreams.list());
  const rows = all.map(({ id, name, issuer, endpoints, configured }) => [
    id,
    name,
    issuer ?? endpoints?.authorization ?? '',
    configured ? 'configuration' : 'command',
  ]);
  return {
    json: { upstreams: all.map((one) => ({ ...toJson(one), configured: one.configured })) },
    text: table(['id', 'name', 'at', 'from'], rows),
  };
}

async function remove(id: string): Promise<Report> {
  await upstreamsOf((upstreams) => upstreams.delete(id, operator()));
  return { json: { id }, text: `Deleted ${id}.` };
}

export function addUpstream(program: Command): void {
  const upstream = program
    .command('upstream')
    .description('other providers that people may sign in with: register, list, delete');
  reporting(
    upstream
      .command('create')
      .description(
        'let people sign in with another provider; its redirect URI is PUBLIC_URL/upstream/<id>/callback',
      )
      .requiredOption('--id <id>', 'what its addresses call it: a-z, 0-9 and -')
      .requiredOption('--name <name>', 'what people know it by')
      .option('--issuer <url>', 'of an OpenID Provider')
      .option('--authorization-endpoint <url>', 'of a service that speaks OAuth 2.0 alone')
      .option('--token-endpoint <url>', 'the same')
      .option('--userinfo-endpoint <url>', 'the same: who the token is of, as JSON')
      .addOption(
        new Option(
          '--claim <name=value>',
          'what it calls a claim, like subject=id (can be repeated)',
        ).argParser(claim),
      )
      .requiredOption('--client-id <id>', 'what it knows us by')
      .requiredOption('--client-secret-file <file>', 'with the secret that it gave us; - is standard input')
      .option('--scope <scope>', 'to ask for (can be repeated)', repeated)
      .option('--logo <url>', 'an https URL, or a file in views/assets')
      .option('--trust-email', 'take an address that it calls verified as that'),
    create,
  );
  reporting(upstream.command('list').description('list them'), list);
  reporting(upstream.command('delete').description('forget one').argument('<id>', 'its id'), remove);
}
