/** Configuration of the services that Postern replaces: sources of accounts, and their tokens. */
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

// Schemas of what most configurations lack are lazy: making them all would slow down every start.

/** A reference to a secret: the variable or file that holds it. */
const secret = z
  .strictObject({ env: z.string().min(1).optional(), file: z.string().min(1).optional() })
  .refine(({ env, file }) => (env === undefined) !== (file === undefined), 'needs either env or file');
type SecretName = z.infer<typeof secret>;

const url = z
  .string()
  .refine(
    (value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
    'must be a URL like https://old.example.com',
  );

/** A path in a reply, such as `user.roles` or `users.0.id`, or a column name. */
const place = z.string().min(1).max(200);

/** Fields of an account that can be taken over, named as in an import record. */
const account = z.lazy(() =>
  z.strictObject({
    source_id: place.optional(),
    number: place.optional(),
    username: place.optional(),
    email: place.optional(),
    email_verified: place.optional(),
    name: place.optional(),
    given_name: place.optional(),
    family_name: place.optional(),
    locale: place.optional(),
    status: place.optional(),
    roles: place.optional(),
    groups: place.optional(),
    created_at: place.optional(),
    last_login_at: place.optional(),
    attributes: z.record(z.string().min(1), place).optional(),
  }),
);
export type AccountPlaces = z.infer<typeof account>;

/** A request template with {identifier} and {password}. */
const requestShape = (method: 'GET' | 'POST') => ({
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH']).default(method),
  url,
  headers: z
    .record(z.string().regex(/^[\w-]+$/, 'must be the name of a header'), z.union([z.string(), secret]))
    .default({}),
  body: z.record(z.string(), z.unknown()).optional(),
  /** The encoding of the body. */
  encoding: z.enum(['json', 'form']).default('json'),
  /** Statuses of a successful reply. */
  success: z.array(z.int().min(200).max(599)).min(1).default([200]),
});

/** Whether somebody has an account there, without a password: for registration and password reset. */
const exists = z.lazy(() => z.strictObject(requestShape('GET')));

const places = account.refine(({ source_id: id }) => id !== undefined, 'needs source_id');

const http = z.lazy(() =>
  z.strictObject({
    ...requestShape('POST'),
    account: places,
    exists: exists.optional(),
    /**
     * Describes the account behind a token of the service. The texts may contain {source_id} and, outside the URL,
     * {token}; with neither, the token is sent as a Bearer token.
     */
    profile: z
      .strictObject({ ...requestShape('GET'), account: places.optional() })
      .refine(
        ({ url: text }) => !text.includes('{token}'),
        'url must not contain {token}, because URLs are logged',
      )
      .optional(),
  }),
);

const sql = z.lazy(() =>
  z.strictObject({
    /** A postgres:// URL. */
    url: secret,
    query: z
      .string()
      .refine((text) => /(?<!:):identifier\b/.test(text), 'must use :identifier')
      .refine((text) => /^\s*(?:select|with)\b/i.test(text), 'must be a select'),
    /** The column of the password hash. */
    password_hash: z.string().min(1).default('password_hash'),
    /** The hash format as named by `postern import`, where the hash does not identify it. */
    format: z.string().min(1).optional(),
    params: z.record(z.string(), z.unknown()).optional(),
    /** Columns whose name differs from their field. */
    account: account.default({}),
    /** A query that counts the accounts, for `postern migration status`. */
    count: z.string().min(1).optional(),
    /** A select of one row by `:source_id`: the account behind a token of the service. */
    profile: z
      .string()
      .refine((text) => /(?<!:):source_id\b/.test(text), 'must use :source_id')
      .refine((text) => /^\s*(?:select|with)\b/i.test(text), 'must be a select')
      .optional(),
  }),
);

export const CONTRACT_NAMES = ['cookie', 'flask', 'gateway', 'keyed', 'ppl'] as const;

const source = z.lazy(() =>
  z
    .strictObject({
      name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,39}$/, 'must be 1 to 40 of a-z, 0-9, ".", "_" and "-"'),
      contract: z.enum(CONTRACT_NAMES).optional(),
      url: url.optional(),
      apiKey: secret.optional(),
      /** For a contract, which cannot look an account up without a password. */
      exists: exists.optional(),
      http: http.optional(),
      sql: sql.optional(),
      /** Maps roles of the source to roles here. An empty name drops a role. */
      roles: z.record(z.string(), z.string()).default({}),
      /** Whether email addresses of the source count as verified. */
      trustEmail: z.boolean().default(false),
      /** The highest account number at the source: new accounts get higher ones. */
      greatestNumber: z.int().min(1).max(2_000_000_000).optional(),
      /** Timeout of a request, in seconds. */
      timeout: z.number().min(0.1).max(30).default(3),
      /** Maximum concurrent requests. */
      concurrency: z.int().min(1).max(1000).default(20),
      /** The circuit breaker: failures in a row that open it, and seconds until it closes. */
      breaker: z
        .strictObject({
          failures: z.int().min(1).max(1000).default(5),
          wait: z.number().min(0.1).max(3600).default(10),
        })
        .default({ failures: 5, wait: 10 }),
    })
    .superRefine((one, problems) => {
      const kinds = (['contract', 'http', 'sql'] as const).filter((kind) => one[kind] !== undefined);
      const report = (message: string) => problems.addIssue({ code: 'custom', message });
      if (kinds.length !== 1) report('needs one of contract, http and sql');
      if ((one.contract === undefined) !== (one.url === undefined))
        report('needs url with contract, and only then');
      if (one.contract === 'keyed' && one.apiKey === undefined)
        report('needs apiKey, because the contract requires one');
      if (one.exists !== undefined && one.contract === undefined)
        report('may have exists only with contract; with http, put it into http');
    }),
);

export const legacySchema = z.strictObject({
  sources: z.array(source).superRefine((all, problems) => {
    const names = all.map(({ name }) => name);
    for (const name of new Set(names.filter((one, at) => names.indexOf(one) !== at)))
      problems.addIssue({ code: 'custom', message: `two sources have the name ${name}` });
  }),
});

/** The last day of something, `2027-06-30`, UTC. */
const day = z.iso.date('must be a day like 2027-06-30');

const oldKey = z.lazy(() =>
  z
    .strictObject({
      alg: z.enum(['HS256', 'HS384', 'HS512', 'RS256', 'ES256']),
      secret: secret.optional(),
      /** The encoding of the secret. */
      encoding: z.enum(['utf8', 'base64']).optional(),
      /** A public key in PEM, or a reference to it. */
      key: z.union([z.string().min(1), secret]).optional(),
      jwksUrl: url.optional(),
    })
    .refine(
      ({ alg, secret: shared, key, jwksUrl }) =>
        alg.startsWith('HS')
          ? shared !== undefined && key === undefined && jwksUrl === undefined
          : shared === undefined && (key === undefined) !== (jwksUrl === undefined),
      'needs secret with HS256, HS384 and HS512, and either key or jwksUrl with RS256 and ES256',
    ),
);

/** Tokens of the old service that a contract accepts. */
const oldTokens = z.strictObject({
  /** Empty where only opaque refresh tokens exist. */
  keys: z.array(oldKey).default([]),
  issuer: z.string().min(1),
  audience: z.string().min(1).optional(),
  account: z.strictObject({
    /** The claim of the account's id at the old service. */
    source_id: z.string().min(1),
    /** The source of the account. Without it the id must be unique among all sources. */
    source: z.string().min(1).optional(),
  }),
  /** The claim that distinguishes refresh tokens from access tokens, and its value. */
  refresh: z.strictObject({ claim: z.string().min(1), value: z.string().min(1) }).optional(),
  /** The last day on which the tokens are accepted. */
  until: day,
});

/** Settings that every contract has besides its own. */
export const doorSettings = { oldTokens: oldTokens.optional() };

type SourceSettings = z.infer<typeof source>;
type HttpRequestSettings = Omit<z.infer<typeof exists>, 'headers'> & { headers: Record<string, string> };
type Common = Pick<
  SourceSettings,
  'name' | 'roles' | 'trustEmail' | 'greatestNumber' | 'timeout' | 'concurrency' | 'breaker'
>;

/** A source with its secrets. */
export type LegacySourceSettings = Common &
  (
    | {
        kind: 'contract';
        contract: (typeof CONTRACT_NAMES)[number];
        url: string;
        apiKey: string | null;
        exists: HttpRequestSettings | null;
      }
    | {
        kind: 'http';
        login: HttpRequestSettings;
        exists: HttpRequestSettings | null;
        profile: (HttpRequestSettings & { account: AccountPlaces }) | null;
        account: AccountPlaces;
      }
    | ({ kind: 'sql'; databaseUrl: string } & Omit<NonNullable<SourceSettings['sql']>, 'url'>)
  );

export interface OldKey {
  alg: z.infer<typeof oldKey>['alg'];
  /** The shared secret and its encoding, UTF-8 by default. */
  secret?: string;
  encoding?: 'utf8' | 'base64';
  /** A public key in PEM. */
  key?: string;
  jwksUrl?: string;
}

/** Old tokens of a contract, with resolved secrets. */
export type OldTokenSettings = Omit<z.infer<typeof oldTokens>, 'keys'> & {
  keys: OldKey[];
  /** When acceptance ends, in milliseconds since the epoch. */
  endsAt: number;
};

/** Resolves secrets and records the missing ones. */
function finder(environment: NodeJS.ProcessEnv, problems: string[]) {
  return ({ env, file }: SecretName, where: string): string => {
    try {
      const found = file === undefined ? environment[env ?? ''] : readFileSync(file, 'utf8').trim();
      if (found) return found;
      problems.push(`${where}: ${env ?? file ?? ''} is missing or empty`);
    } catch (error) {
      problems.push(`${where}: cannot read ${file} (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
    }
    return '';
  };
}

/** Resolves the secrets of sources. @returns the sources, and every problem found. */
export function legacySources(
  { sources }: z.infer<typeof legacySchema>,
  environment: NodeJS.ProcessEnv,
): { sources: LegacySourceSettings[]; problems: string[] } {
  const problems: string[] = [];
  const find = finder(environment, problems);
  const complete = sources.map((one): LegacySourceSettings => {
    const where = `legacy.sources ${one.name}`;
    const { contract, url: base, apiKey, exists: known, http: mapped, sql: table, ...common } = one;
    const requestOf = (request: z.infer<typeof exists>): HttpRequestSettings => ({
      ...request,
      headers: Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [
          name,
          typeof value === 'string' ? value : find(value, `${where} ${name}`),
        ]),
      ),
    });
    if (mapped) {
      const { account: parts, exists: asked, profile, ...login } = mapped;
      return {
        ...common,
        kind: 'http',
        login: requestOf(login),
        exists: asked ? requestOf(asked) : null,
        profile: profile ? { ...requestOf(profile), account: profile.account ?? parts } : null,
        account: parts,
      };
    }
    if (table) {
      const databaseUrl = find(table.url, `${where} sql.url`);
      if (databaseUrl !== '' && !/^postgres(?:ql)?:\/\//.test(databaseUrl))
        problems.push(`${where} sql.url: must be a URL like postgres://reader:password@host:5432/old`);
      const { url: _named, ...rest } = table;
      return { ...common, ...rest, kind: 'sql', databaseUrl };
    }
    return {
      ...common,
      kind: 'contract',
      contract: contract ?? 'gateway',
      url: base ?? '',
      apiKey: apiKey ? find(apiKey, `${where} apiKey`) : null,
      exists: known ? requestOf(known) : null,
    };
  });
  return { sources: complete, problems };
}

const DAY = 86_400_000;

function isPublicKey(pem: string, alg: string): boolean {
  try {
    return createPublicKey(pem).asymmetricKeyType === (alg === 'RS256' ? 'rsa' : 'ec');
  } catch {
    return false;
  }
}

/**
 * Resolves old tokens by contract. @returns them, and every problem found, such as a last day in the past.
 * @param now milliseconds since the epoch.
 */
export function oldTokensOf(
  doors: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
  now: number,
): { oldTokens: Record<string, OldTokenSettings>; problems: string[] } {
  const problems: string[] = [];
  const find = finder(environment, problems);
  const found: Record<string, OldTokenSettings> = {};
  for (const name of Object.keys(doors)) {
    const settings = (doors[name] as { oldTokens?: z.infer<typeof oldTokens> } | undefined)?.oldTokens;
    if (!settings) continue;
    const where = `contracts.${name}.oldTokens`;
    const endsAt = Date.parse(settings.until) + DAY;
    if (endsAt <= now)
      problems.push(
        `${where}.until: ${settings.until} is over. If "postern migration status" shows no more old tokens, remove oldTokens; otherwise set a later day`,
      );
    const keys = settings.keys.map(({ alg, secret: shared, encoding, key, jwksUrl }, at): OldKey => {
      const whole = `${where}.keys.${at}`;
      const pem = key === undefined || typeof key === 'string' ? key : find(key, whole);
      if (pem !== undefined && pem !== '' && !isPublicKey(pem, alg))
        problems.push(`${whole}: key must be a public key for ${alg} in PEM`);
      return {
        alg,
        ...(shared && { secret: find(shared, whole) }),
        ...(encoding && { encoding }),
        ...(pem !== undefined && { key: pem }),
        ...(jwksUrl !== undefined && { jwksUrl }),
      };
    });
    found[name] = { ...settings, keys, endsAt };
  }
  return { oldTokens: found, problems };
}
