import { readFileSync } from 'node:fs';
import { z } from 'zod';

const url = z
  .string()
  .refine(
    (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
    'must be a URL like https://accounts.example.com',
  );

/** What each claim is called in an answer: those of OpenID Connect Core section 5.1 unless a service has its own. */
const claims = z.strictObject({
  subject: z.string().default('sub'),
  email: z.string().default('email'),
  emailVerified: z.string().default('email_verified'),
  name: z.string().default('name'),
  /** What somebody who has no email address there is known by. */
  username: z.string().default('preferred_username'),
});

const common = {
  id: z.string().regex(/^[a-z0-9-]{1,40}$/, 'must be 1 to 40 of a-z, 0-9 and -'),
  name: z.string().trim().min(1).max(60),
  /** An OpenID Provider; the rest is in its discovery document. */
  issuer: url.optional(),
  /** An OAuth 2.0 service that is none. */
  endpoints: z.strictObject({ authorization: url, token: url, userinfo: url }).optional(),
  claims: claims.default(claims.parse({})),
  clientId: z.string().min(1),
  scopes: z.array(z.string().min(1)).optional(),
  /** An https URL, or a path under views/assets. */
  logo: z.string().min(1).optional(),
  /** Whether an address that it calls verified is taken as that. */
  trustEmail: z.boolean().default(false),
};

const isOneOf = ({ issuer, endpoints }: { issuer?: unknown; endpoints?: unknown }) =>
  (issuer === undefined) !== (endpoints === undefined);
const ONE_OF = 'needs either issuer or endpoints';

/** A provider that people may sign in with, without its secret. */
export const upstreamSchema = z.strictObject(common).refine(isOneOf, ONE_OF);
export type UpstreamSettings = z.infer<typeof upstreamSchema>;

/** The same in `config/*.yaml`, where the secret is named and not said. */
export const configuredUpstreamSchema = z
  .strictObject({
    ...common,
    clientSecretFile: z.string().min(1).optional(),
    clientSecretEnv: z.string().min(1).optional(),
  })
  .refine(isOneOf, ONE_OF)
  .refine(
    ({ clientSecretFile: file, clientSecretEnv: name }) => (file === undefined) !== (name === undefined),
    'needs either clientSecretFile or clientSecretEnv',
  );

/** A provider that people may sign in with, whole. */
export type Upstream = UpstreamSettings & { clientSecret: string };

/** Finds the secrets of configured providers. @returns them, and every problem found. */
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
      problems.push(`upstreams ${settings.id}: ${clientSecretEnv ?? clientSecretFile ?? ''} holds no secret`);
    }
    return { ...settings, clientSecret };
  });
  const ids = configured.map(({ id }) => id);
  for (const id of new Set(ids.filter((one, at) => ids.indexOf(one) !== at))) {
    problems.push(`upstreams ${id}: there are two of this id`);
  }
  return { upstreams, problems };
}
