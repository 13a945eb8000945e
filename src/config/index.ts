/**
 * Configuration: the environment and config/*.yaml, read once and validated as a whole; all mistakes are reported
 * together. The only reader of process.env and of ../config.
 */
import path from 'node:path';
import { ConfigError } from './config-error.ts';
import { readEnvironment } from './environment.ts';
import { legacySources, type LegacySourceSettings, oldTokensOf, type OldTokenSettings } from './legacy.ts';
import { type EffectiveSetting, effectiveSettings } from './provenance.ts';
import { proxyProblems } from './proxies.ts';
import { readSettings } from './settings.ts';
import type { Environment, Settings } from './schema.ts';
import { type Upstream, withSecrets } from './upstreams.ts';

export { ConfigError } from './config-error.ts';
export { hidesClients } from './proxies.ts';
export type { EffectiveSetting } from './provenance.ts';
export type { AccountPlaces, LegacySourceSettings, OldKey, OldTokenSettings } from './legacy.ts';
export type { Settings } from './schema.ts';
export type { Upstream, UpstreamSettings } from './upstreams.ts';

/** The enabled contracts: `CONTRACTS`, or `contracts.enabled`. Default: none in production, all elsewhere. */
export type ContractSettings = Omit<Settings['contracts'], 'enabled'> & { enabled: 'all' | string[] };

export interface Config extends Omit<Settings, 'registration' | 'impersonation' | 'upstreams' | 'contracts'> {
  upstreams: Upstream[];
  contracts: ContractSettings;
  /** `legacy.sources` with their secrets. */
  legacySources: LegacySourceSettings[];
  /** By contract. */
  oldTokens: Readonly<Record<string, OldTokenSettings>>;
  registration: { open: boolean; verifyEmail: boolean };
  impersonation: { enabled: boolean; askFirst: boolean; notify: boolean };
  production: boolean;
  port: number;
  /** The address to listen on. localhost means 127.0.0.1 and ::1, undefined every interface. */
  host: string | undefined;
  /** The issuer and the base of every URL: an origin without a trailing slash. */
  publicUrl: string;
  /** Absolute path. */
  dataDir: string;
  /** False: dataDir depends on the working directory. */
  isDataDirNamed: boolean;
  /** PostgreSQL itself. Undefined: the embedded one under dataDir. */
  databaseUrl: string | undefined;
  /** A connection pooler in front of PostgreSQL, such as PgBouncer. */
  pooler: { url: string; hasPreparedStatements: boolean } | null;
  /** `tables` for a database without advisory locks and LISTEN. */
  coordination: 'session' | 'tables';
  /** Undefined: PostgreSQL stores what Redis would. */
  redisUrl: string | undefined;
  smtpUrl: string | undefined;
  /** Undefined: a key file under dataDir (embedded mode only). */
  secretsKey: string | undefined;
  /** Worker processes; undefined: one in development, one a core in production. */
  webConcurrency: number | undefined;
  admin: { email: string | undefined; password: string | undefined };
  /** Every setting with its source. */
  effective: readonly EffectiveSetting[];
}

/** Placeholders for secrets; long enough not to occur in a random one. */
const PLACEHOLDER =
  /change[-_ ]?me|placeholder|example|replace[-_ ]?(me|this)|your[-_ ]?(secret|key|password)/i;
const WORD = /^(password|secret|default|admin|test|todo)[\d!]*$/i;

/** Whether a secret is a placeholder, or made of hardly any different characters. */
export const isPlaceholder = (secret: string) =>
  PLACEHOLDER.test(secret) || WORD.test(secret) || new Set(secret).size < 5;

function checkTogether(environment: Environment, settings: Settings | null): string[] {
  const problems: string[] = [];
  const { SECRETS_KEY: secretsKey, PUBLIC_URL: publicUrl, DATABASE_URL: databaseUrl } = environment;
  if (secretsKey !== undefined && secretsKey.length < 32) {
    problems.push(
      'SECRETS_KEY: must have at least 32 characters; generate one with: openssl rand -base64 32',
    );
  }
  if (databaseUrl !== undefined && secretsKey === undefined) {
    problems.push('SECRETS_KEY: is required with DATABASE_URL; generate one with: openssl rand -base64 32');
  }
  const parsed = publicUrl === undefined ? null : URL.parse(publicUrl);
  if (parsed && (parsed.pathname !== '/' || parsed.search || parsed.hash || parsed.username)) {
    problems.push('PUBLIC_URL: must be an origin, like https://login.example.com, without a path');
  }
  if (environment.ADMIN_PASSWORD !== undefined && environment.ADMIN_EMAIL === undefined) {
    problems.push('ADMIN_EMAIL: is required with ADMIN_PASSWORD');
  }
  if (environment.NODE_ENV === 'production') {
    if (parsed?.protocol !== 'https:') problems.push('PUBLIC_URL: must be an https:// URL in production');
    if (secretsKey !== undefined && isPlaceholder(secretsKey)) {
      problems.push('SECRETS_KEY: is a placeholder; generate a real one with: openssl rand -base64 32');
    }
    if (environment.ADMIN_PASSWORD !== undefined && isPlaceholder(environment.ADMIN_PASSWORD)) {
      problems.push('ADMIN_PASSWORD: is a placeholder; choose a real one');
    }
  }
  problems.push(...proxyProblems(settings?.http.trustedProxies ?? [], environment.NODE_ENV === 'production'));
  if (settings && settings.mtls.certificateHeader !== null && settings.http.trustedProxies.length === 0) {
    problems.push(
      'mtls.certificateHeader: needs http.trustedProxies, because only trusted proxies may set it',
    );
  }
  if (settings && settings.refresh.idle > settings.refresh.absolute) {
    problems.push('refresh.idle: must not be longer than refresh.absolute');
  }
  return problems;
}

/**
 * Reads and validates the whole configuration.
 * @throws ConfigError naming every mistake.
 */
export function loadConfig(source: NodeJS.ProcessEnv = process.env): Config {
  const { environment, problems } = readEnvironment(source);
  const { settings, problems: more, files } = readSettings(environment.NODE_ENV, environment.CONFIG_FILE);
  problems.push(...more);
  problems.push(...checkTogether(environment, settings));
  const { upstreams, problems: missing } = withSecrets(settings?.upstreams ?? [], source);
  problems.push(...missing);
  const { sources, problems: ofSources } = legacySources(settings?.legacy ?? { sources: [] }, source);
  const { oldTokens, problems: ofTokens } = oldTokensOf(settings?.contracts ?? {}, source, Date.now());
  problems.push(...ofSources, ...ofTokens);
  if (!settings || problems.length > 0) throw new ConfigError(problems);
  const production = environment.NODE_ENV === 'production';
  const config = {
    ...settings,
    upstreams,
    legacySources: sources,
    oldTokens,
    contracts: {
      ...settings.contracts,
      enabled: environment.CONTRACTS ?? settings.contracts.enabled ?? (production ? [] : ('all' as const)),
    },
    registration: {
      open: settings.registration.open,
      verifyEmail: settings.registration.verifyEmail ?? environment.SMTP_URL !== undefined,
    },
    impersonation: {
      ...settings.impersonation,
      enabled: settings.impersonation.enabled ?? !production,
    },
    production,
    port: environment.PORT,
    // Listen on loopback unless HOST is set: a development server shows all mail to anybody who reaches it.
    host: environment.HOST ?? (production ? undefined : 'localhost'),
    publicUrl: new URL(
      environment.PUBLIC_URL ?? `${settings.http.tls ? 'https' : 'http'}://localhost:${environment.PORT}`,
    ).origin,
    dataDir: path.resolve(environment.DATA_DIR ?? '.data'),
    isDataDirNamed: environment.DATA_DIR !== undefined,
    databaseUrl: environment.DATABASE_DIRECT_URL ?? environment.DATABASE_URL,
    pooler:
      environment.DATABASE_DIRECT_URL === undefined || environment.DATABASE_URL === undefined
        ? null
        : {
            url: environment.DATABASE_URL,
            hasPreparedStatements: environment.DATABASE_PREPARED_STATEMENTS === 'on',
          },
    coordination: environment.DATABASE_COORDINATION,
    redisUrl: environment.REDIS_URL,
    smtpUrl: environment.SMTP_URL,
    secretsKey: environment.SECRETS_KEY,
    webConcurrency: environment.WEB_CONCURRENCY,
    admin: { email: environment.ADMIN_EMAIL, password: environment.ADMIN_PASSWORD },
  };
  const named = Object.keys(environment).filter((name) => source[name] || source[`${name}_FILE`]);
  const variables = {
    ...environment,
    PUBLIC_URL: config.publicUrl,
    HOST: config.host,
    DATA_DIR: config.dataDir,
    CONTRACTS: config.contracts.enabled,
  };
  // Settings as written in the files, which refer to providers' secrets without containing them.
  const shown = { ...config, upstreams: settings.upstreams };
  return { ...config, effective: effectiveSettings(shown, files, new Set(named), variables) };
}
