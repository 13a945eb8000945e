import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { until } from '../support/until.ts';
import { temporaryFolder } from '../support/cleanup.ts';
import { ownFileSystem } from '../support/embedded.ts';
import { startPostern } from '../support/postern.ts';

/** Fills the disk. */
async function fill(file: string): Promise<void> {
  const handle = await open(file, 'a');
  try {
    for (const size of [1_048_576, 4096]) {
      const block = Buffer.alloc(size, 1);
      while ((await handle.write(block).catch(() => null)) !== null);
    }
  } finally {
    await handle.close();
  }
}

test('/readyz reports a full disk, and its recovery', async () => {
  const dataDir = await temporaryFolder();
  const postern = await startPostern({
    env: { DATA_DIR: dataDir },
    launcher: ownFileSystem(dataDir, 'size=192m'),
  });
  // The server already answers while it creates the first administrator.
  await until(() => postern.output().includes('Ctrl-C'));
  const readyz = async () => {
    const response = await fetch(`${postern.url}/readyz`);
    return { status: response.status, body: (await response.json()) as { checks: Record<string, object> } };
  };
  const ok = { postgres: { status: 'ok' } };
  expect(await readyz()).toMatchObject({ status: 200, body: { checks: ok } });
  // The server's own file system, seen from outside.
  const inside = path.join('/proc', String(postern.child.pid), 'root', dataDir);
  await until(async () => {
    // PostgreSQL may have freed some space.
    await fill(path.join(inside, 'filler'));
    const { status, body } = await readyz();
    return status === 503 && JSON.stringify(body.checks['postgres']).includes('No space left on device');
  });
  expect((await fetch(`${postern.url}/livez`)).status).toBe(200);
  await rm(path.join(inside, 'filler'));
  await until(async () => (await readyz()).status === 200);
});
