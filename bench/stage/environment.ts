import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { issuer } from './servers.ts';

/** Rate limits that no load reaches: each service account has its own, and all sign-ins come from one address. */
const BOUNDLESS = '{ requests: 1000000, window: 60 }';
const LIMITS = `limits: { program: ${BOUNDLESS}, credentials: ${BOUNDLESS} }`;
/** The contract that the loads use, at its documented base URL: by default none is open in production. */
const CONTRACTS = `contracts: { enabled: [gateway], root: [gateway], ${LIMITS} }`;

/** A production configuration: behind a TLS-terminating proxy, on PostgreSQL and Redis. */
export function productionEnvironment(directory: string): NodeJS.ProcessEnv {
  const settings = path.join(directory, 'settings.yaml');
  writeFileSync(settings, `http: { trustedProxies: [127.0.0.1] }\n${CONTRACTS}\n`);
  return {
    PATH: process.env['PATH'],
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PUBLIC_URL: issuer,
    DATA_DIR: path.join(directory, 'data'),
    SECRETS_KEY: `bench-${randomBytes(32).toString('base64')}`,
    CONFIG_FILE: settings,
  };
}
