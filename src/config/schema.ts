import { z } from 'zod';
import { readEmailAddress } from '../core/email-address.ts';
import { LANGUAGES } from '../core/languages.ts';
import { PROFILES } from '../core/security-profiles.ts';
import { attributeSchema } from './attributes.ts';
import { doorSettings, legacySchema } from './legacy.ts';
import { tlsSchema } from './tls.ts';
import { configuredUpstreamSchema } from './upstreams.ts';
import { serverUrls } from './database-url.ts';
import { parseRedisUrl } from './redis-url.ts';

/** A duration. Its unit is shown with the setting. */
const UNIT = { unit: 'seconds' };
const seconds = z.int().positive().meta(UNIT);

/** The name of a contract door. Existence is checked by the registry. */
const contract = z.string();
const limit = z.strictObject({ requests: z.int().positive(), window: seconds });

const hostnames = z.array(z.string().regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'must be a hostname'));

const headerName = z.string().regex(/^[a-z0-9-]+$/i, 'must be the name of a header');

const emailAddress = z
  .string()
  .refine((value) => readEmailAddress(value) !== null, 'must be an email address');

/** A contact of security.txt (RFC 9116 section 2.5.3): an email address, which becomes a URI, or a URI. */
const contact = z
  .string()
  .transform((value) => {
    const address = readEmailAddress(value)?.ascii;
    return address === undefined ? value : `mailto:${encodeURIComponent(address).replace('%40', '@')}`;
  })
  .refine(
    (value) => /^(?:https|mailto|tel):\S+$/.test(value) && URL.canParse(value),
    'must be an email address, or a URI of https, mailto or tel',
  );

const language = z.enum(LANGUAGES);

/** A JSON Schema of an object that compiles. */
const jsonSchema = z.custom<z.core.JSONSchema.JSONSchema>((schema) => {
  try {
    return z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema) instanceof z.ZodObject;
  } catch {
    return false;
  }
}, 'must be a JSON Schema of type object');

/** The schema of `config/*.yaml`. Defaults are in config/default.yaml, so every key is required. */
const strictContracts = z.strictObject({
  enabled: z.union([z.literal('all'), z.array(contract)], 'must be "all" or a list of names').nullable(),
  modules: z.array(z.string().min(1)),
  root: z.array(contract),
  hosts: z.record(z.string().regex(/^[a-z0-9.-]+(:\d+)?$/, 'must be a hostname'), contract),
  tokens: z.record(contract, z.strictObject({ access: seconds.max(86_400), refresh: seconds })),
  limits: z.strictObject({ credentials: limit, ordinary: limit, program: limit }),
  cookie: z.strictObject(doorSettings),
  flask: z.strictObject(doorSettings),
  gateway: z.strictObject({ revealUnknownEmail: z.boolean(), ...doorSettings }),
  keyed: z.strictObject(doorSettings),
  ppl: z.strictObject(doorSettings),
  freshSignIn: seconds.nullable(),
});

/** Custom contracts have settings under their names, too. The types are those of the built-in ones. */
const contractSettings = strictContracts.catchall(
  z.strictObject(doorSettings, 'must be the settings of a door'),
) as unknown as typeof strictContracts;

export const settingShape = z.strictObject({
  name: z.string().trim().min(1).max(60),
  brand: z.strictObject({
    color: z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour like #2f5bea'),
    logo: z.string().nullable(),
  }),
  languages: z.array(language).min(1),
  profile: z.enum(PROFILES).nullable(),
  authorizationDetails: z.record(
    z.string().min(1),
    z.strictObject({ schema: jsonSchema, sentence: z.partialRecord(language, z.string().min(1)) }),
  ),
  http: z.strictObject({
    trustedProxies: z.array(z.string()),
    bodyLimit: z.int().min(1024).max(10_485_760),
    requestTimeout: seconds.max(300),
    drain: seconds,
    fastPath: z.boolean(),
    tls: tlsSchema.nullable(),
  }),
  outbound: z.strictObject({ allow: z.array(z.string()) }),
  mtls: z.strictObject({
    certificateHeader: headerName.nullable(),
    verifiedHeader: headerName,
    verifiedValue: z.string().min(1),
    origin: z
      .string()
      .refine(
        (value) => value.startsWith('https://') && URL.parse(value)?.origin === value,
        'must be an https origin',
      )
      .nullable(),
  }),
  identityAssertions: z.strictObject({
    issuers: z.array(
      z
        .strictObject({
          issuer: z.url(),
          jwksUri: z.url(),
          link: z.enum(['subject', 'email']),
          domains: hostnames.default([]),
        })
        .refine(({ link, domains }) => link !== 'email' || domains.length > 0, {
          path: ['domains'],
          message: 'must list the domains whose addresses this issuer vouches for',
        }),
    ),
  }),
  clientAttestation: z.strictObject({
    attesters: z.array(
      z.strictObject({
        issuer: z.url(),
        jwksUri: z.url(),
        clients: z.array(z.string().min(1)).default([]),
      }),
    ),
  }),
  clientDocuments: z.strictObject({
    enabled: z.enum(['auto', 'always', 'never']),
    allow: hostnames,
    deny: hostnames,
  }),
  clientRegistration: z.strictObject({
    open: z.boolean(),
    unused: seconds,
    softwareStatements: z.array(z.strictObject({ issuer: z.string().min(1), jwksUri: z.url() })),
    policies: z.record(
      z.string().regex(/^[a-z0-9-]+$/, 'must be a name of letters, digits and hyphens'),
      z.strictObject({
        grantTypes: z.array(z.string()),
        scopes: z.array(z.string()),
        authMethods: z.array(z.string()).min(1),
        redirectHosts: z.array(z.string()).nullable().default(null),
        metadata: z.array(z.string()).default([]),
      }),
    ),
  }),
  dpop: z.strictObject({ requireNonce: z.boolean() }),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']) }),
  tokens: z.strictObject({
    accessToken: seconds,
    idToken: seconds,
    clientCredentials: seconds,
    authorizationCode: seconds.max(600),
    pushedAuthorizationRequest: seconds.max(600),
    interaction: seconds,
    deviceCode: seconds,
    backchannelAuthenticationRequest: seconds.max(3600),
  }),
  refresh: z.strictObject({ grace: z.int().min(0).max(60).meta(UNIT), idle: seconds, absolute: seconds }),
  session: z.strictObject({ ttl: seconds, remembered: seconds }),
  console: z.strictObject({ lifetime: seconds, idle: seconds, secondFactor: z.boolean().nullable() }),
  keys: z.strictObject({ lead: z.int().min(0).meta(UNIT), lifetime: seconds }),
  audit: z.strictObject({ retention: seconds.min(86_400) }),
  passwords: z.strictObject({
    minLength: z.int().min(8),
    maxLength: z.int().min(64).max(1024),
    argon2: z.strictObject({
      memory: z.int().min(8).max(1_048_576),
      time: z.int().min(1).max(20),
      parallelism: z.int().min(1).max(16),
    }),
    hashing: z.strictObject({ concurrency: z.int().min(0).max(64), queue: z.int().min(1).max(10_000) }),
  }),
  lockout: z.strictObject({
    pair: z.strictObject({ attempts: z.int().positive(), wait: seconds, maxWait: seconds }),
    source: z.strictObject({ attempts: z.int().positive(), window: seconds }),
    account: z.strictObject({ attempts: z.int().positive(), window: seconds }),
  }),
  loginRequests: z.strictObject({ perClient: z.int().positive(), perPerson: z.int().positive() }),
  mfa: z.strictObject({
    requiredForRoles: z.array(z.string().regex(/^[a-z0-9][a-z0-9_.:-]{0,63}$/, 'must be the name of a role')),
    rememberDevice: seconds,
  }),
  contracts: contractSettings,
  mail: z.strictObject({ from: emailAddress.nullable(), templates: z.string().min(1).nullable() }),
  impersonation: z.strictObject({
    enabled: z.boolean().nullable(),
    askFirst: z.boolean(),
    notify: z.boolean(),
  }),
  registration: z.strictObject({ open: z.boolean(), verifyEmail: z.boolean().nullable() }),
  attributes: attributeSchema.nullable(),
  upstreams: z.array(configuredUpstreamSchema),
  legacy: legacySchema,
  metrics: z.strictObject({ enabled: z.boolean(), token: z.string().min(16).nullable() }),
  securityTxt: z.strictObject({
    contact: z
      .union([contact.transform((one) => [one]), z.array(contact)])
      .nullable()
      .transform((all) => all ?? []),
  }),
});

/** Adds the checks across settings. */
export const settingsSchema = settingShape.superRefine(({ languages, authorizationDetails }, problems) => {
  for (const [type, { sentence }] of Object.entries(authorizationDetails))
    for (const language of languages.filter((name) => sentence[name] === undefined))
      problems.addIssue({
        code: 'custom',
        path: ['authorizationDetails', type, 'sentence', language],
        message: 'is missing: the consent page is shown in every language',
      });
});

export type Settings = z.infer<typeof settingsSchema>;

const url = (protocols: string[], example: string) =>
  z
    .string()
    .refine((value) => protocols.includes(URL.parse(value)?.protocol ?? ''), `must be a URL like ${example}`);

/** One server, or several separated by commas, one of which is the primary. */
const databaseUrl = z
  .string()
  .refine(
    (value) => serverUrls(value).every((one) => /^postgres(ql)?:/i.test(one) && URL.canParse(one)),
    'must be a URL like postgres://user:password@host:5432/postern',
  );

/** The schema of environment variables. Each secret may also be given as NAME_FILE. */
export const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  PORT: z.coerce.number().int().min(0).max(65535).default(8000),
  HOST: z.string().min(1).optional(),
  PUBLIC_URL: url(['http:', 'https:'], 'https://login.example.com').optional(),
  DATA_DIR: z.string().min(1).optional(),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_DIRECT_URL: databaseUrl.optional(),
  DATABASE_PREPARED_STATEMENTS: z.enum(['on', 'off']).default('on'),
  DATABASE_COORDINATION: z.enum(['session', 'tables']).default('session'),
  REDIS_URL: z
    .string()
    .refine(
      (value) => parseRedisUrl(value) !== null,
      'must be a URL like redis://host:6379, redis-cluster://host:6379,host:6379 or redis-sentinel://host:26379,host:26379/master',
    )
    .optional(),
  SMTP_URL: url(['smtp:', 'smtps:'], 'smtps://user:password@host:465').optional(),
  SECRETS_KEY: z.string().optional(),
  WEB_CONCURRENCY: z.coerce.number().int().min(1).max(256).optional(),
  ADMIN_EMAIL: emailAddress.optional(),
  ADMIN_PASSWORD: z.string().optional(),
  CONTRACTS: z
    .string()
    .transform((text) =>
      text.trim() === 'all' ? ('all' as const) : text.split(',').map((name) => name.trim()),
    )
    .optional(),
  CONFIG_FILE: z.string().optional(),
});

export type Environment = z.infer<typeof environmentSchema>;
