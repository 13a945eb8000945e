const SERVERS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]+)(.*)$/i;

/**
 * Splits a multi-host `postgres:` URL into one URL per server: `postgres://user@first:5432,second:5432/postern`
 * gives two.
 */
export function serverUrls(databaseUrl: string): string[] {
  const [, before = '', hosts, after = ''] = SERVERS.exec(databaseUrl) ?? [];
  return hosts === undefined ? [databaseUrl] : hosts.split(',').map((host) => `${before}${host}${after}`);
}
