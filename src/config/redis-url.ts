/** One address, `host` and `port`. */
interface Node {
  host: string;
  port: number;
}

/** A parsed `REDIS_URL`. */
export interface RedisAddress {
  /** One server, a Redis Cluster, or a master found by sentinels. */
  kind: 'server' | 'cluster' | 'sentinel';
  nodes: [Node, ...Node[]];
  username: string | undefined;
  password: string | undefined;
  tls: boolean;
  /** The logical database; always 0 in a cluster. */
  db: number;
  /** The sentinels' name of the master; empty for the other kinds. */
  name: string;
}

const KINDS: Record<string, RedisAddress['kind']> = {
  'redis': 'server',
  'redis-cluster': 'cluster',
  'redis-sentinel': 'sentinel',
};

const PORTS = { server: 6379, cluster: 6379, sentinel: 26379 };

/** `scheme://[user[:password]@]host[:port][,host[:port]…][/rest][?query]`; WHATWG URLs know no list of hosts. */
const FORM =
  /^(rediss?(?:-cluster|-sentinel)?):\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^@/?]+)(?:\/([^/?]*))?(?:\?(.*))?$/i;

const HOST = /^(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?$/i;

function nodeOf(text: string, kind: RedisAddress['kind']): Node | null {
  const [, host, port] = HOST.exec(text) ?? [];
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) return null;
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port ?? PORTS[kind]) };
}

const decoded = (text: string | undefined): string | undefined => {
  try {
    return text ? decodeURIComponent(text) : undefined;
  } catch {
    return text;
  }
};

/**
 * Reads `redis://host:port/db`, `redis-cluster://host:port,host:port` and `redis-sentinel://host:port,host:port/master?db=1`; each
 * with `rediss` for TLS, and with the name and password of an ACL user. `redis://host?cluster=true` names a cluster, too.
 * @returns null for anything else.
 */
export function parseRedisUrl(url: string): RedisAddress | null {
  const [, scheme = '', username, password, hosts = '', rest = '', query] = FORM.exec(url) ?? [];
  const parameters = new URLSearchParams(query);
  const tls = scheme.toLowerCase().startsWith('rediss');
  const named = KINDS[scheme.toLowerCase().replace(/^rediss/, 'redis')];
  const kind = named === 'server' && parameters.get('cluster') === 'true' ? 'cluster' : named;
  if (kind === undefined) return null;
  const nodes = hosts.split(',').map((text) => nodeOf(text, kind));
  const [first, ...others] = nodes.filter((node) => node !== null);
  const name = kind === 'sentinel' ? decoded(rest) : '';
  const db = Number((kind === 'sentinel' ? parameters.get('db') : rest) ?? 0);
  const isWrong =
    first === undefined ||
    others.length + 1 < nodes.length ||
    name === undefined ||
    !Number.isInteger(db) ||
    db < 0 ||
    (kind === 'server' && others.length > 0) ||
    (kind === 'cluster' && db !== 0);
  if (isWrong) return null;
  return {
    kind,
    nodes: [first, ...others],
    username: decoded(username),
    password: decoded(password),
    tls,
    db,
    name,
  };
}
