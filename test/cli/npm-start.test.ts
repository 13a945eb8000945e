import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { freePort } from '../support/ports.ts';
import { atEnd, temporaryFolder } from '../support/cleanup.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

const answers = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

test('a server started by npm stops with npm, and starts again', async () => {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const env = { ...process.env, PORT: String(port), DATA_DIR: await temporaryFolder(), NODE_ENV: 'test' };
  for (const _ of ['first', 'second']) {
    const npm = spawn('npm', ['start'], { cwd: ROOT, env, stdio: 'ignore' });
    atEnd(async () => void npm.kill('SIGKILL'));
    while (!(await answers(url))) {
      expect(npm.exitCode).toBeNull();
      await pause(100);
    }
    npm.kill('SIGTERM');
    await once(npm, 'exit');
    while (await answers(url)) await pause(100);
  }
});
