/** The actual routers, with all their routes. Their handlers have nothing to work with. */
import path from 'node:path';
import { jest } from '@jest/globals';
import Router from '@koa/router';
import { Provider } from 'oidc-provider';
import { loadConfig } from '../../../src/config/index.ts';
import { STANDARD_SCOPES } from '../../../src/core/scopes.ts';
import { Secrets } from '../../../src/core/secrets.ts';
import { consoleRoutes } from '../../../src/http/console/index.ts';
import type { ConsoleDependencies } from '../../../src/http/console/room.ts';
import type { PageDependencies } from '../../../src/http/pages/dependencies.ts';
import { pageRoutes } from '../../../src/http/pages/routes.ts';
import { createPageTools } from '../../../src/http/pages/tools.ts';
import { type ConfigurationDependencies, createConfiguration } from '../../../src/oidc/configuration.ts';

const config = loadConfig({ NODE_ENV: 'test', CONFIG_FILE: '/dev/null' });
const secrets = new Secrets('a secret of the tests that is long enough');
const clock = { now: Date.now };

/** Every hosted page, including those that depend on settings. */
export function pagesRouter(): Router {
  const router = new Router();
  // Defining routes uses no handler.
  pageRoutes(router, {
    ...createPageTools({ config, secrets, clock }),
    config: { ...config, securityTxt: { contact: ['mailto:security@example.com'] } },
    secrets,
    clock,
    mfa: { passkeys: { available: true } },
    upstream: {},
  } as unknown as PageDependencies);
  return router;
}

export function consoleRouter(): Router {
  const router = new Router();
  consoleRoutes(router, { config, secrets, clock } as unknown as ConsoleDependencies);
  return router;
}

/** Every endpoint of the provider, as the library registers them. */
export async function providerRouter(): Promise<Router> {
  const inside = path.resolve(
    import.meta.dirname,
    '../../../node_modules/oidc-provider/lib/helpers/router.js',
  );
  type Register = (name: string, path: string) => void;
  const { default: Registry } = (await import(inside)) as {
    default: { prototype: Record<string, Register> };
  };
  const router = new Router();
  const spies = ['get', 'post', 'put', 'delete', 'options'].map((method) =>
    jest
      .spyOn(Registry.prototype, method)
      .mockImplementation((_name, route) => void router.register(route, [method], () => undefined)),
  );
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  const attributes = { claimsByScope: () => ({}), scopes: () => STANDARD_SCOPES };
  const attester = {
    issuer: 'https://attester.example',
    jwksUri: 'https://attester.example/jwks',
    clients: [],
  };
  const deps = {
    // With the endpoint for attested clients.
    config: { ...config, clientAttestation: { attesters: [attester] } },
    clock,
    secrets,
    attributes,
    authorization: {},
    pages: {},
  } as unknown as ConfigurationDependencies;
  void new Provider(config.publicUrl, createConfiguration(deps, { keys: [] }));
  for (const spy of [...spies, warn]) spy.mockRestore();
  return router;
}
