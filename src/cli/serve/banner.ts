import type { Config } from '../../config/index.ts';
import type { FirstAdmin } from '../../domain/users/index.ts';
import type { Admin } from './process.ts';

export const toAdmin = (made: FirstAdmin | null): Admin | null =>
  made && { email: made.user.email, password: made.password };

/** Announces the first administrator. The password is shown only once. */
export function adminLines({ email, password }: Admin): string[] {
  return [
    `  Administrator    ${email}`,
    ...(password === null ? [] : [`  Password         ${password}   (shown only once)`]),
    '                   Owner of the service; contracts and apps see the role "admin".',
  ];
}

/** The banner shown when the server is ready. */
export function banner(config: Config, workers: number, admin: Admin | null): string {
  const { publicUrl, host, dataDir, databaseUrl, redisUrl } = config;
  const stores = [databaseUrl === undefined ? `PostgreSQL in ${dataDir}` : 'PostgreSQL'];
  if (redisUrl !== undefined) stores.push('Redis');
  return [
    `${config.name} is ready at ${publicUrl}`,
    '',
    `  Sign in          ${publicUrl}/`,
    ...(admin ? adminLines(admin) : []),
    `  Console          ${publicUrl}/admin`,
    `  Discovery        ${publicUrl}/.well-known/openid-configuration`,
    `  Management API   ${publicUrl}/api/v2/docs`,
    ...(host === 'localhost'
      ? ['  Listens          on this machine only; HOST=0.0.0.0 opens it to the network']
      : []),
    `  Stores           ${stores.join(' and ')}${workers > 1 ? `; ${workers} workers` : ''}`,
    '',
    '  Open the first address in a browser. "npx postern login", in this folder, gets',
    '  tokens in a terminal; "npx postern --help" lists all commands. Ctrl-C stops.',
    '',
  ].join('\n');
}
