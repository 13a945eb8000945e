import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { newPerson } from '../../src/http/contracts/conformance.ts';
import { launchBrowser } from '../support/browser.ts';
import {
  contractOf,
  allContracts,
  type ContractServer,
  sendToHost,
  startContractServer,
} from './support/server.ts';

interface OpenApi {
  openapi: string;
  servers: { url: string }[];
  paths: Record<string, Record<string, { operationId: string; responses: object; security: object[] }>>;
}

const HOST = 'people.example.test';
let server: ContractServer;
beforeAll(async () => {
  server = await startContractServer({ contracts: { hosts: { [HOST]: 'ppl' } } });
});

describe('openapi.json', () => {
  const get = async (url: string) => {
    const reply = await fetch(url);
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/);
    return (await reply.json()) as OpenApi;
  };

  it.each(allContracts)('of $name is a valid OpenAPI 3.1 document with every operation', async (contract) => {
    const document = await get(`${server.url}/contracts/${contract.name}${contract.openapiPath}`);
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document) as unknown as Record<string, unknown>)).toEqual(
      { valid: true },
    );
    expect(validator.version).toBe('3.1');
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { operationId }]) => `${operationId}: ${method} ${path}`),
    );
    const there = contract.operations.map(
      ({ id, method, path }) => `${id}: ${method} ${contract.basePath}${path}`,
    );
    expect(described.sort()).toEqual(there.sort());
  });

  it('describes the reply exactly', async () => {
    const { paths } = await get(`${server.url}/contracts/ppl/api/v1/openapi.json`);
    expect(paths['/api/v1/users/me']!['get']).toMatchObject({
      security: [{ bearer: [] }],
      responses: {
        200: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['id', 'email', 'name', 'created_at'],
                additionalProperties: false,
              },
            },
          },
        },
        401: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } },
      },
    });
  });

  it('names the server at which it was requested', async () => {
    const serversOf = async (url: string) => (await get(url)).servers;
    expect(await serversOf(`${server.url}/contracts/cookie/openapi.json`)).toEqual([
      { url: '/contracts/cookie' },
    ]);
    expect(await serversOf(`${server.url}/openapi.json`)).toEqual([{ url: '/' }]);
    const request = { method: 'GET', url: `${server.url}/api/v1/openapi.json`, headers: {} };
    const hosted = await sendToHost(server.postern.port, HOST)(request);
    expect((JSON.parse(hosted.text) as OpenApi).servers).toEqual([{ url: '/' }]);
  });
});

describe('the documentation pages of contracts', () => {
  let browser: Browser;
  let page: Page;
  let troubles: string[];
  beforeAll(async () => {
    browser = await launchBrowser();
  });

  /** Opens a page and expects no errors in its console. */
  async function open(path: string): Promise<string> {
    page = await browser.newPage();
    troubles = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) troubles.push(message.text());
    });
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('requestfailed', (request) => troubles.push(`${request.url()} failed`));
    page.on('request', (request) => {
      if (!request.url().startsWith('data:') && new URL(request.url()).origin !== server.url)
        troubles.push(request.url());
    });
    const reply = await page.goto(`${server.url}${path}`);
    return reply?.headers()['content-security-policy'] ?? '';
  }

  const pages = allContracts.flatMap((contract) =>
    Object.entries(contract.pages).map(([path, viewer]) => ({ contract, path, viewer })),
  );

  it('are at the paths of the documents', () => {
    expect(pages.map(({ contract, path, viewer }) => `${contract.name} ${path} ${viewer}`)).toEqual([
      'cookie /docs swagger',
      'flask /docs swagger',
      'gateway /swagger swagger',
      'keyed /docs swagger',
      'ppl /docs swagger',
      'ppl /redoc redoc',
    ]);
  });

  it.each(pages)(
    'show every operation under a strict Content-Security-Policy, loading nothing from elsewhere: $contract.name $path',
    async ({ contract, path, viewer }) => {
      const policy = await open(`/contracts/${contract.name}${path}`);
      expect(policy).toContain(`default-src 'none'; script-src 'self'; `);
      expect(policy.includes('unsafe')).toBe(viewer === 'redoc');
      for (const operation of contract.operations)
        await page.getByText(operation.summary, { exact: true }).first().waitFor();
      expect(await page.title()).toBe(contract.title);
      expect(troubles).toEqual([]);
      await page.close();
    },
  );

  /** Opens an operation, enters the body and presses Execute. @returns the status shown. */
  async function tryOut(id: string, body?: object): Promise<string> {
    const operation = page.locator(`#operations-default-${id}`);
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    if (body) await operation.locator('textarea').fill(JSON.stringify(body));
    await operation.getByRole('button', { name: 'Execute' }).click();
    return operation.locator('.live-responses-table .response-col_status').last().innerText();
  }

  const authorize = async (title: RegExp, value: string) => {
    await page.getByRole('button', { name: 'Authorize' }).click();
    const scheme = page.locator('.auth-container').filter({ hasText: title });
    await scheme.locator('input').fill(value);
    await scheme.getByRole('button', { name: 'Apply' }).click();
    await page.getByRole('button', { name: 'Close' }).first().click();
  };

  it.each([
    ['under its prefix', '/contracts/gateway/swagger'],
    ['at the root', '/swagger'],
  ])('can execute requests: gateway, %s', async (_where, path) => {
    await open(path);
    expect(await tryOut('register', newPerson())).toMatch(/^201/);
    const reply = await page
      .locator('#operations-default-register .live-responses-table code')
      .first()
      .innerText();
    await authorize(/bearer/i, /"accessToken": "([^"]+)"/.exec(reply)![1]!);
    expect(await tryOut('profile')).toMatch(/^200/);
    expect(await tryOut('logout')).toMatch(/^200/);
    expect(troubles).toEqual([]);
    await page.close();
  });

  it('can execute requests: keyed, with an API key', async () => {
    await open('/contracts/keyed/docs');
    await authorize(/apiKey/i, server.apiKey);
    expect(await tryOut('createUser', newPerson())).toMatch(/^201/);
    expect(troubles).toEqual([]);
    await page.close();
  });

  it('can execute requests: cookie, with the refresh token in the browser', async () => {
    await open('/docs');
    const person = newPerson();
    expect(await tryOut('register', person)).toMatch(/^201/);
    expect(await tryOut('token', { username: person.username, password: person.password })).toMatch(/^200/);
    expect(await tryOut('refresh')).toMatch(/^200/);
    expect(await tryOut('logout')).toMatch(/^200/);
    expect(troubles).toEqual([]);
    await page.close();
  });

  it('have files that are cached until they change', async () => {
    const html = await (await fetch(`${server.url}/docs`)).text();
    const [file = ''] = /\/docs\/swagger-ui-bundle\.js\?v=[\w-]{16}/.exec(html) ?? [];
    const first = await fetch(`${server.url}${file}`);
    expect(first.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const etag = first.headers.get('etag')!;
    // Given this header, fetch asks for no cached reply.
    const send = sendToHost(server.postern.port, new URL(server.url).host);
    const again = await send({
      method: 'GET',
      url: `${server.url}${file}`,
      headers: { 'If-None-Match': etag },
    });
    expect(again.status).toBe(304);
    const other = await fetch(`${server.url}${file.replace(/v=.*/, 'v=other')}`, { method: 'HEAD' });
    expect([other.status, other.headers.get('cache-control')]).toEqual([200, 'no-cache']);
  });

  it('serve the files that the libraries published', async () => {
    const folder = path.join(import.meta.dirname, '../../views/vendor');
    const manifest = await readFile(path.join(folder, 'manifest.json'), 'utf8');
    const packages = Object.values(
      JSON.parse(manifest) as Record<string, { sha256: Record<string, string> }>,
    );
    for (const [file, known] of packages.flatMap(({ sha256 }) => Object.entries(sha256))) {
      const found = createHash('sha256').update(await readFile(path.join(folder, file)));
      expect([file, found.digest('hex')]).toEqual([file, known]);
    }
  });

  it.each([
    '/docs/',
    '/docs/package.json',
    '/docs/../package.json',
    '/docs/%2e%2e/x',
    '/swagger/redoc.standalone.js',
  ])('serve no other files: %s', async (path) => {
    const request = { method: 'GET', url: `${server.url}/`, headers: {} };
    const send = sendToHost(server.postern.port, new URL(server.url).host);
    expect((await send({ ...request, url: server.url + path })).status).toBe(404);
  });

  it('answer 405 to anything but reading', async () => {
    for (const path of ['/docs', '/openapi.json', '/docs/start.js']) {
      const reply = await fetch(`${server.url}${path}`, { method: 'POST' });
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      expect(contractOf('cookie').refusalSchema.safeParse(await reply.json()).success).toBe(true);
    }
  });
});
