import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { sendByFetch } from '../../src/http/contracts/conformance-run.ts';
import { freePort } from '../support/ports.ts';
import { atEnd } from '../support/cleanup.ts';
import { runCli } from '../support/postern.ts';
import { allContracts, type ContractServer, startContractServer } from './support/server.ts';

interface Verdict {
  left: string[];
  door: string;
  url: string;
  passed: number;
  failed: number;
  cases: { section: string; name: string; failure: string | null }[];
}

let server: ContractServer;
beforeAll(async () => {
  server = await startContractServer();
});

const verify = async (...args: string[]) => runCli(['contract', 'verify', ...args]);

const HOP_BY_HOP = /^(connection|content-length|keep-alive|transfer-encoding)$/;

type Change = (reply: { status: number; headers: Headers; text: string }, url: string) => void;

/** A server that answers like Postern, with each reply changed by `change`. */
async function changedServer(change: Change): Promise<string> {
  const listening = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void answer(request, Buffer.concat(chunks).toString(), response));
  });
  async function answer(request: http.IncomingMessage, body: string, response: http.ServerResponse) {
    const {
      'host': _host,
      'connection': _connection,
      'content-length': _length,
      ...headers
    } = request.headers;
    const { method = '', url = '' } = request;
    const sent = { method, url: server.url + url, headers: headers as Record<string, string> };
    const { headers: fixed, ...rest } = await sendByFetch(body === '' ? sent : { ...sent, body });
    const reply = { ...rest, headers: new Headers(fixed) };
    change(reply, url);
    const kept = [...reply.headers].filter(([name]) => !HOP_BY_HOP.test(name));
    response.writeHead(reply.status, kept.flat());
    response.end(reply.text);
  }
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  atEnd(async () => listening.closeAllConnections());
  atEnd(async () => listening.close());
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
}

describe('`postern contract verify`', () => {
  it.each(allContracts.map(({ name }) => name))('finds that Postern conforms to %s', async (name) => {
    const url = `${server.url}/contracts/${name}`;
    const { code, stdout, stderr } = await verify(name, url, '--json', '--api-key', server.apiKey);
    const verdict = JSON.parse(stdout) as Verdict;
    expect({ code, stderr, failed: verdict.failed }).toEqual({ code: 0, stderr: '', failed: 0 });
    expect(verdict).toMatchObject({ door: name, url, passed: verdict.cases.length });
    // Without the server's database, the command names accounts that the contract cannot delete.
    if (!['cookie', 'gateway'].includes(name)) return expect(verdict.left).toEqual([]);
    expect(verdict.left.length).toBeGreaterThan(5);
    return expect(verdict.left.join()).toMatch(/^(,?case-[0-9a-f]{12}@example\.com)+$/);
  });

  it('deletes its accounts in the database, however the server answers', async () => {
    const count = () => server.sql(`select count(*) from users where email like 'case-%'`);
    const before = await count();
    const url = await changedServer((reply, to) => {
      if (to.endsWith('/register')) reply.text = reply.text.replace('{', '{"more":1,');
    });
    const { stdout } = await runCli(['contract', 'verify', 'gateway', url, '--json'], {
      env: server.postern.env,
    });
    expect(JSON.parse(stdout)).toMatchObject({ left: [] });
    expect(await count()).toEqual(before);
  });

  it('prints the result by the headings of the document', async () => {
    const { code, stdout } = await verify('gateway', `${server.url}/`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^gateway \(Authentication Service\) at http/);
    expect(stdout).toContain(
      '  4. Token Validation (API Gateway Use)\n    ok    says when a token is not valid\n',
    );
    expect(stdout.trimEnd()).toMatch(/\n(\d+) of \1 cases passed\.$/);
  });

  it('compares two servers side by side', async () => {
    const other = await changedServer((reply) => {
      if (reply.status === 409) reply.status = 400;
    });
    const { code, stdout } = await verify('gateway', other, server.url);
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`section +case +${other} +${server.url}\\n`));
    expect(stdout).toMatch(/ok +ok\n/);
    expect(stdout).toMatch(/FAIL +ok\n/);
    expect(stdout).toContain(`at ${other}\n  POST ${other}`);
    expect(stdout).toMatch(new RegExp(`(\\d+) of \\1 cases passed at ${server.url}`));
  });

  it('fails and says how a server deviates', async () => {
    const { code, stdout } = await verify('ppl', `${server.url}/contracts/gateway`);
    expect(code).toBe(1);
    expect(stdout).toContain('    FAIL  makes an account, logged in\n          POST http');
    expect(stdout).toMatch(/the status is 40\d, not 201/);
    expect(stdout).toMatch(/\n0 of \d+ cases passed\.\n$/);
  });

  it.each<[string[], number, RegExp]>([
    [['nope', 'http://localhost:1'], 2, /no door "nope". The doors are cookie, flask, gateway, keyed, ppl/],
    [['gateway', 'localhost:8000'], 2, /not an http\(s\) URL/],
    [['gateway'], 2, /missing required argument 'url'/],
    [['keyed', 'http://localhost:1'], 2, /needs --api-key/],
  ])('refuses %j', async (args, status, message) => {
    const { code, stderr } = await verify(...args);
    expect(code).toBe(status);
    expect(stderr).toMatch(message);
  });

  it('says that no server answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { code, stdout, stderr } = await verify('gateway', url, '--json');
    expect(code).toBe(1);
    expect(stderr).toContain('ECONNREFUSED');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'unavailable' } });
  });
});

describe('a case of `postern contract verify`', () => {
  async function failures(name: string, change: Change): Promise<string> {
    const { stdout } = await verify(name, await changedServer(change), '--json');
    const { cases } = JSON.parse(stdout) as Verdict;
    return cases
      .flatMap(({ section, failure }) => (failure === null ? [] : [`${section}: ${failure}`]))
      .join('\n');
  }

  it('passes if nothing differs', async () => {
    expect(await failures('cookie', () => undefined)).toBe('');
    expect(await failures('gateway', () => undefined)).toBe('');
  });

  it.each<[string, string, Change, RegExp]>([
    [
      'a reply has an extra field',
      'cookie',
      (reply, url) => {
        if (url === '/auth/me') reply.text = reply.text.replace('}', ',"role":"user"}');
      },
      /Unrecognized key: "role"/,
    ],
    [
      'a reply lacks a field',
      'gateway',
      (reply) => {
        reply.text = reply.text.replace(',"errorMessage":null', '');
      },
      /validate: errorMessage: Invalid input: expected null, received undefined/,
    ],
    [
      'a number is a string',
      'cookie',
      (reply) => {
        reply.text = reply.text.replace(/"id":(\d+)/, '"id":"$1"');
      },
      /id: Invalid input: expected number, received string/,
    ],
    [
      'a time has a time zone',
      'gateway',
      (reply) => {
        reply.text = reply.text.replace(/("expiresAt":"[^"]*)"/, '$1Z"');
      },
      /expiresAt: Invalid string/,
    ],
    [
      'a status differs',
      'gateway',
      (reply) => {
        if (reply.status === 409) reply.status = 400;
      },
      /the status is 400, not 409/,
    ],
    [
      'a message differs',
      'gateway',
      (reply) => {
        reply.text = reply.text.replace('Successfully logged out', 'Bye');
      },
      /message is "Bye", not "Successfully logged out"/,
    ],
    [
      'an error has another shape',
      'cookie',
      (reply) => {
        if (reply.status === 401) reply.text = '{"error":"no"}';
      },
      /error: Invalid input: expected object/,
    ],
    [
      'a reply is not JSON',
      'cookie',
      (reply, url) => {
        if (url === '/health') reply.headers.set('content-type', 'text/plain');
      },
      /content type is "text\/plain", not application\/json/,
    ],
    ['405 lacks Allow', 'gateway', (reply) => reply.headers.delete('allow'), /the header Allow is ""/],
    [
      'scripts can read the refresh token',
      'cookie',
      (reply) => {
        const set = reply.headers.getSetCookie();
        reply.headers.delete('set-cookie');
        for (const one of set) reply.headers.append('set-cookie', one.replace(/; httponly/i, ''));
      },
      /no HttpOnly cookie/,
    ],
    [
      'a documentation page is missing',
      'gateway',
      (reply, url) => {
        if (url === '/swagger') reply.status = 404;
      },
      /Swagger UI: GET .*the status is 404, not 200/,
    ],
  ])('fails if %s', async (_title, name, change, failure) => {
    expect(await failures(name, change)).toMatch(failure);
  });
});
