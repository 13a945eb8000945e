import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Redis } from 'ioredis';
import { atEnd, provided, temporaryFolder } from './cleanup.ts';
import { freePort } from './ports.ts';
import type { RedisServer, RedisTls } from './redis-server.ts';
import { startRedis } from './redis.ts';
import { until } from './until.ts';

/** Redis servers with failover. */
export interface RedisGroup {
  /** As REDIS_URL names them. */
  url: string;
  /** Further environment of a server that uses them. */
  env?: Record<string, string>;
  /** Makes masters refuse writes without a replica, as docs/scale.md advises. */
  requireReplicas(): Promise<void>;
  /** Kills a master. */
  killMaster(): Promise<void>;
  /** Whether a replica has taken over. */
  hasHealed(): Promise<boolean>;
  /** Changes by an operator, and a master that hangs. Each ends when the group is complete again. */
  changes: Record<string, () => Promise<void>>;
}

/** One short connection. */
async function ask<T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  redis.on('error', () => undefined);
  try {
    return await question(redis);
  } finally {
    redis.disconnect();
  }
}

/** ACL user of Postern with the least permissions it needs. */
const USER = ['postern', 'on', '>a-secret', '~postern:*', 'resetchannels', '+@all', '-@admin', '-@dangerous'];
const ALSO = ['+cluster|slots', '+cluster|shards', '+info', '+role'];

const allow = (server: RedisServer) =>
  ask(server.url, (redis) => redis.call('ACL', 'SETUSER', ...USER, ...ALSO));

const folder = path.resolve(import.meta.dirname, 'tls');
const CERTIFICATE = path.join(folder, 'certificate.pem');

/** The same over TLS alone, between the nodes as well. */
export async function startRedisClusterOverTls(): Promise<RedisGroup> {
  // The stores of the test process connect, too. Without trust a hanging server ends the process: ioredis does not listen to a
  // second error of a connection.
  setDefaultCACertificates([...getCACertificates(), await readFile(CERTIFICATE, 'utf8')]);
  const group = await startRedisCluster({ cert: CERTIFICATE, key: path.join(folder, 'key.pem') });
  return { ...group, env: { NODE_EXTRA_CA_CERTS: CERTIFICATE } };
}

/** A replica without its master's data does not count: what it lacks is lost when it is promoted. */
const hasRole = async ({ url }: RedisServer, role: 'master' | 'slave'): Promise<boolean> => {
  const info = await ask(url, (redis) => redis.info('replication'));
  return info.includes(`role:${role}`) && (role === 'master' || info.includes('master_link_status:up'));
};

async function requireReplicas(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(
    servers.map(({ url }) => ask(url, (redis) => redis.config('SET', 'min-replicas-to-write', '1'))),
  );
}

/** Makes the master hang until its replica has taken over, then resumes it as a replica. */
async function hang(master: RedisServer, replica: RedisServer): Promise<void> {
  master.pause();
  await until(() => hasRole(replica, 'master'));
  master.resume();
  await until(() => hasRole(master, 'slave'));
}

/**
 * Moves half of a master's slots with their keys to another, which meanwhile is asked for new keys. A master
 * without slots would become a replica.
 */
async function moveSlots(from: RedisServer, to: RedisServer): Promise<void> {
  const id = ({ url }: RedisServer) => ask(url, (redis) => redis.cluster('MYID'));
  const [fromId, toId] = await Promise.all([id(from), id(to)]);
  const table = await ask(from.url, (redis) => redis.cluster('SLOTS'));
  const slots = table
    .filter(([, , node]) => node?.[1] === from.port)
    .flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
    .filter((slot) => slot % 2 === 0);
  // Scripts have to be loaded again.
  await ask(to.url, (redis) => redis.script('FLUSH'));
  const setAll = async ({ url }: RedisServer, ...how: [string, string]) =>
    ask(url, (redis) => Promise.all(slots.map((slot) => redis.call('CLUSTER', 'SETSLOT', slot, ...how))));
  await setAll(to, 'IMPORTING', fromId);
  await setAll(from, 'MIGRATING', toId);
  await ask(from.url, async (redis) => {
    for (const slot of slots) {
      const keys = await redis.cluster('GETKEYSINSLOT', slot, 100);
      if (keys.length > 0) await redis.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
    }
  });
  await setAll(to, 'NODE', toId);
  await setAll(from, 'NODE', toId);
}

/** Three masters, each with a replica, and an ACL user that sees Postern's keys alone. */
export async function startRedisCluster(tls?: RedisTls): Promise<RedisGroup> {
  const nodes = await Promise.all(
    Array.from({ length: 6 }, async () =>
      startRedis(
        [
          '--cluster-enabled',
          'yes',
          '--cluster-node-timeout',
          '1000',
          '--cluster-announce-ip',
          '127.0.0.1',
          '--repl-diskless-sync-delay',
          '0',
          '--dir',
          await temporaryFolder(),
        ],
        tls,
      ),
    ),
  );
  const [first, ...others] = nodes as [RedisServer, ...RedisServer[]];
  const masters = nodes.slice(0, 3);
  await Promise.all(nodes.map(allow));
  for (const [index, { url }] of masters.entries()) {
    const from = Math.ceil((index * 16_384) / 3);
    const to = Math.ceil(((index + 1) * 16_384) / 3) - 1;
    await ask(url, (redis) => redis.cluster('ADDSLOTSRANGE', from, to));
  }
  for (const { url } of others) await ask(url, (redis) => redis.cluster('MEET', '127.0.0.1', first.port));
  const ids = await Promise.all(nodes.map(({ url }) => ask(url, (redis) => redis.cluster('MYID'))));
  const state = (server: RedisServer) => ask(server.url, (redis) => redis.cluster('INFO'));
  for (const node of nodes) await until(async () => (await state(node)).includes('cluster_known_nodes:6'));
  for (const [index, { url }] of nodes.slice(3).entries())
    await until(() =>
      ask(url, (redis) => redis.cluster('REPLICATE', ids[index] ?? '')).then(
        () => true,
        () => false,
      ),
    );
  for (const { url } of masters)
    await until(async () => (await ask(url, (redis) => redis.info('replication'))).includes('state=online'));
  for (const node of nodes) await until(async () => (await state(node)).includes('cluster_state:ok'));
  const survivors = nodes.slice(1);
  return {
    url: `${tls ? 'rediss' : 'redis'}-cluster://postern:a-secret@${survivors.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    killMaster: () => first.stop('SIGKILL'),
    hasHealed: async () => hasRole(nodes[3]!, 'master'),
    requireReplicas: () => requireReplicas(nodes),
    changes: {
      async 'a failover by hand'() {
        await ask(nodes[4]!.url, (redis) => redis.cluster('FAILOVER'));
        await until(() => hasRole(nodes[4]!, 'master'));
        await until(() => hasRole(nodes[1]!, 'slave'));
      },
      'slots that move': () => moveSlots(first, nodes[4]!),
      'a master that hangs': () => hang(nodes[2]!, nodes[5]!),
    },
  };
}

/** A master with a replica, and three sentinels that watch it. */
export async function startSentinels(): Promise<RedisGroup> {
  // Replicas get the initial copy as a file.
  const folder = async () => ['--dir', await temporaryFolder()];
  const [master, replica] = await Promise.all([startRedis(await folder()), startRedis(await folder())]);
  await Promise.all([allow(master), allow(replica)]);
  await ask(replica.url, (redis) => redis.replicaof('127.0.0.1', master.port));
  await until(async () =>
    (await ask(master.url, (redis) => redis.info('replication'))).includes('state=online'),
  );
  const program = await provided('redis-server');
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  for (const port of ports) {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'sentinel.conf');
    await writeFile(
      file,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${folder}`,
        `sentinel monitor sign-in 127.0.0.1 ${master.port} 2`,
        'sentinel down-after-milliseconds sign-in 1000',
        'sentinel failover-timeout sign-in 5000',
      ].join('\n'),
    );
    const child = spawn(program, [file, '--sentinel'], { stdio: 'ignore' });
    atEnd(async () => void child.kill('SIGKILL'));
  }
  // All sentinels know each other and the replica.
  for (const port of ports)
    await until(() =>
      ask(`redis://127.0.0.1:${port}`, async (redis) => {
        const [known] = (await redis.call('SENTINEL', 'MASTERS')) as string[][];
        return /num-other-sentinels,2,.*/.test(String(known)) && /num-slaves,1,/.test(String(known));
      }).catch(() => false),
    );
  return {
    url: `redis-sentinel://postern:a-secret@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/sign-in?db=3`,
    killMaster: () => master.stop('SIGKILL'),
    hasHealed: () => hasRole(replica, 'master'),
    requireReplicas: () => requireReplicas([master, replica]),
    changes: {
      async 'a failover by hand'() {
        await ask(`redis://127.0.0.1:${ports[0]}`, (redis) => redis.call('SENTINEL', 'FAILOVER', 'sign-in'));
        await until(() => hasRole(replica, 'master'));
        await until(() => hasRole(master, 'slave'));
      },
      'a master that hangs': () => hang(replica, master),
    },
  };
}
