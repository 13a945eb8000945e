import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/index.ts';
import { temporaryFolder } from '../support/cleanup.ts';

it('operators are shown no secret of the configuration', async () => {
  const file = path.join(await temporaryFolder(), 'settings.yaml');
  const secret = { env: 'SOME_SECRET' };
  const settings = {
    upstreams: [
      { id: 'x', name: 'X', issuer: 'https://x.example', clientId: 'a', clientSecretEnv: 'SOME_SECRET' },
    ],
    legacy: { sources: [{ name: 'old', contract: 'keyed', url: 'https://old.example', apiKey: secret }] },
    contracts: {
      gateway: {
        oldTokens: {
          keys: [{ alg: 'HS256', secret }],
          issuer: 'old',
          account: { source_id: 'sub' },
          until: '2099-12-31',
        },
      },
    },
  };
  await writeFile(file, JSON.stringify(settings));
  const config = loadConfig({ NODE_ENV: 'test', CONFIG_FILE: file, SOME_SECRET: 'not for anybody to see' });
  expect(config.upstreams[0]?.clientSecret).toBe('not for anybody to see');
  expect(config.oldTokens['gateway']?.keys[0]?.secret).toBe('not for anybody to see');
  expect(JSON.stringify(config.effective)).not.toContain('not for anybody');
});
