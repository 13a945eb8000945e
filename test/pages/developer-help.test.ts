import { expect, test } from '@jest/globals';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { User } from '../../src/domain/users/index.ts';
import { createProviderPages } from '../../src/http/pages/provider-pages.ts';
import type { PageTools } from '../../src/http/pages/tools.ts';

const help = { parameter: 'redirect_uri', value: null, reason: 'why', advice: 'what to do', clientId: 'c' };
const ACCOUNTS: Record<string, Partial<User>> = {
  admin: { status: 'active', roles: ['user', 'admin'] },
  suspended: { status: 'suspended', roles: ['user', 'admin'] },
  user: { status: 'active', roles: ['user'] },
};

/** What the error page shows to a signed-in person, or to nobody. */
async function shown(production: boolean, accountId?: string): Promise<unknown> {
  let data: { help?: unknown } = {};
  const tools = { renderer: { render: (_ctx: unknown, _view: string, given: object) => (data = given) } };
  const accounts = { find: async (id: string) => (ACCOUNTS[id] ?? null) as User | null };
  const ctx = { get: () => 'id', oidc: { session: { accountId } } } as unknown as KoaContextWithOIDC;
  const pages = createProviderPages(tools as unknown as PageTools, accounts, production);
  await pages.error(ctx, { error: 'invalid_redirect_uri' }, help);
  return data.help;
}

test('help for developers is shown to everybody in development, and only to administrators in production', async () => {
  expect(await shown(false)).toBe(help);
  expect(await shown(true, 'admin')).toBe(help);
  for (const who of [undefined, 'user', 'suspended', 'gone']) expect(await shown(true, who)).toBeUndefined();
});
