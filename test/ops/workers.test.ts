import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { findCluster } from '../../src/storage/postgres/embedded-cluster.ts';
import { findPostmaster } from '../../src/storage/postgres/embedded-postmaster.ts';
import { until } from '../support/until.ts';
import { startPostern } from '../support/postern.ts';

/** The running child processes of `pid`. */
async function children(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return list.split(' ').filter(Boolean).map(Number);
}

/** The niceness of each thread of a process, by thread name. */
async function niceness(pid: number): Promise<Map<string, number>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8')));
  return new Map(
    stats.map((stat) => {
      const [, name = '', rest = ''] = /\((.*)\) (.*)/s.exec(stat) ?? [];
      return [name, Number(rest.split(' ')[16])];
    }),
  );
}

describe('two workers on the embedded database', () => {
  it('serve, are replaced when they die, and stop together', async () => {
    const postern = await startPostern({ env: { WEB_CONCURRENCY: '2' } });
    const primary = postern.child.pid!;
    await until(() => postern.output().includes('Ctrl-C'));
    expect(postern.output()).toContain('2 workers');
    expect(postern.output().match(/Password/g)).toHaveLength(1);
    const isUp = () =>
      fetch(`${postern.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );

    const before = (await children(primary)).slice(-2);
    const nice = await niceness(before[0]!);
    // Hashing has lower priority than requests.
    expect(nice.get('libuv-worker')).toBe(10);
    expect(nice.get('MainThread')).toBeLessThan(10);
    process.kill(before[0]!, 'SIGKILL');
    await until(async () => !(await children(primary)).includes(before[0]!));
    await until(isUp);
    await until(async () => {
      const now = await children(primary);
      return now.includes(before[1]!) && now.some((pid) => pid > Math.max(...before));
    });
    await until(() => postern.output().includes('a worker died'));

    const workers = (await children(primary)).slice(-2);
    await expect(postern.stop('SIGTERM')).resolves.toEqual({ code: 0, signal: null });
    for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    const cluster = await findCluster(postern.env['DATA_DIR'] ?? '');
    await expect(findPostmaster(cluster!)).resolves.toBeNull();
  });
});
