import { readFileSync } from 'node:fs';
import { z } from 'zod';

const url = z
  .string()
  .refine(
    (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
    'must be a URL like https://accounts.example.com',
  );

/** Properties of a provider. Most configurations have none: make their schemas on use, not at every start. */
const common = () => ({
  id: z.string().regex(/^[a-z0-9-]{1,40}$/, 'must be 1 to 40 of a-z, 0-9 and -'),
  name: z.string().trim().min(1).max(60),
  /** An OpenID Provider. Its discovery document has the rest. */
  issuer: url.optional(),
  /** An OAuth 2.0 service without OpenID Connect. */
  endpoints: z.strictObject({ authorization: url, token: url, userinfo: url }).optional(),
  /** The names of claims in a provider's reply. Default: OpenID Connect Core section 5.1. */
  claims: z
    .strictObject({
      subject: z.string().default('sub'),
      email: z.string().default('email'),
      emailVerified: z.string().default('email_verified'),
      name: z.string().default('name'),
      /** The claim that names a person without an email address. */
      username: z.string().default('preferred_username'),
    })
    .prefault({}),
  clientId: z.string().min(1),
  scopes: z.array(z.string().min(1)).optional(),
  /** An https URL, or a path under views/assets. */
  logo: z.string().min(1).optional(),
  /** Whether to trust `email_verified` of this provider. */
  trustEmail: z.boolean().default(false),
});

const isOneOf = ({ issuer, endpoints }: { issuer?: unknown; endpoints?: unknown }) =>
  (issuer === undefined) !== (endpoints === undefined);
const ONE_OF = 'needs either issuer or endpoints';

/** An identity provider without its secret. */
export const upstreamSchema = z.lazy(() => z.strictObject(common()).refine(isOneOf, ONE_OF));
export type UpstreamSettings = z.infer<typeof upstreamSchema>;

/** An identity provider in `config/*.yaml`, with a reference to its secret. */
export const configuredUpstreamSchema = z.lazy(() =>
  z
    .strictObject({
      ...common(),
      clientSecretFile: z.string().min(1).optional(),
      clientSecretEnv: z.string().min(1).optional(),
    })
    .refine(isOneOf, ONE_OF)
    .refine(
      ({ clientSecretFile: file, clientSecretEnv: name }) => (file === undefined) !== (name === undefined),
      'needs either clientSecretFile or clientSecretEnv',
    ),
);

/** An identity provider with its secret. */
export type Upstream = UpstreamSettings & { clientSecret: string };

/** Resolves the secrets of configured providers. @returns them, and every problem found. */
export function withSecrets(
  configured: z.infer<typeof configuredUpstreamSchema>[],
  environment: NodeJS.ProcessEnv,
): { upstreams: Upstream[]; problems: string[] } {
  const problems: string[] = [];
  const upstreams = configured.map(({ clientSecretFile, clientSecretEnv, ...settings }) => {
    let clientSecret = environment[clientSecretEnv ?? ''] ?? '';
    if (clientSecretFile !== undefined) {
      try {
        clientSecret = readFileSync(clientSecretFile, 'utf8').trim();
      } catch (error) {
        const why = (error as NodeJS.ErrnoException).code ?? 'error';
        problems.push(`upstreams ${settings.id}: cannot read ${clientSecretFile} (${why})`);
        return { ...settings, clientSecret };
      }
    }
    if (clientSecret === '') {
      problems.push(
        `upstreams ${settings.id}: ${clientSecretEnv ?? clientSecretFile ?? ''} is missing or empty`,
      );
    }
    return { ...settings, clientSecret };
  });
  const ids = configured.map(({ id }) => id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) {
    problems.push(`upstreams ${id}: the id is used twice`);
  }
  return { upstreams, problems };
}
