const SERVERS = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?]+)(.*)$/i;

/** The URL of each server that a `postgres:` URL names: `postgres://user@first:5432,second:5432/postern` names two. */
export function serverUrls(databaseUrl: string): string[] {
  const [, before = '', hosts, after = ''] = SERVERS.exec(databaseUrl) ?? [];
  return hosts === undefined ? [databaseUrl] : hosts.split(',').map((host) => `${before}${host}${after}`);
}
