import { beforeAll, describe, expect, it } from '@jest/globals';
import { legacySources } from '../../src/config/legacy.ts';
import { settingShape } from '../../src/config/schema.ts';
import { createLogger } from '../../src/core/logger.ts';
import { createLegacyAccounts, openSource } from '../../src/domain/legacy/index.ts';
import type { Name } from '../contracts/support/members.ts';
import { type OldService, oldToken, startOldService } from './support/old-service.ts';

let old: OldService;
beforeAll(async () => {
  old = await startOldService();
});

describe.each<[Name, string]>([
  ['gateway', '/gateway/api/v1'],
  ['gateway', '/gateway'],
  ['ppl', '/ppl'],
  ['flask', '/flask/api/v1'],
  ['keyed', '/keyed'],
  ['cookie', '/cookie'],
])('an old service with the contract %s at %s', (contract, path) => {
  it('can be a source of accounts', async () => {
    const legacy = settingShape.shape.legacy.parse({
      sources: [
        {
          name: contract,
          contract,
          url: `${old.url}${path}`,
          exists: { url: `${old.url}/mapped/exists?name={identifier}` },
          ...(contract === 'keyed' && { apiKey: { env: 'OLD_KEY' } }),
        },
      ],
    });
    const { sources } = legacySources(legacy, { OLD_KEY: 'key-of-the-old-service' });
    const accounts = createLegacyAccounts({
      settings: sources,
      fetchWithin: () => fetch,
      logger: createLogger('silent'),
    } as unknown as Parameters<typeof createLegacyAccounts>[0]);
    const who = old.add(`of-${contract}${path.length}`, { role: 'ADMIN' });
    const found = await accounts.authenticate({ identifier: who.email, password: who.password });
    const id = contract === 'ppl' || contract === 'keyed' ? who.uuid : who.id;
    expect(found?.record).toMatchObject({ source_id: id, email: who.email });
    expect(await accounts.authenticate({ identifier: who.email, password: 'wrong' })).toBeNull();
    const source = openSource(sources[0]!, { fetchWithin: () => fetch } as never);
    const token = await oldToken({ sub: String(id), iss: 'old' });
    const shown = (kind: 'access' | 'refresh') =>
      source.profile!({ sourceId: String(id), kind, token }, AbortSignal.timeout(5000));
    expect(await shown('access')).toMatchObject({ source_id: id, email: who.email });
    const refreshed = await shown('refresh');
    if (contract === 'flask') expect(refreshed).toBeNull();
    else expect(refreshed).toMatchObject({ source_id: id, email: who.email });
    expect(await source.exists?.(who.email)).toBe(true);
  });
});
