import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import http from 'node:http';
import { ME_SCOPES } from '../../src/oidc/tokens/me-scopes.ts';
import { connect } from '../api/support/client.ts';
import { ownToken, serviceAccount } from '../api/support/operators.ts';
import type { OpenApi, OpenApiOperation } from '../support/openapi.ts';
import { changesOf, ODD_HEADERS, ODD_SEGMENTS } from '../support/schema-fuzz.ts';
import { GOOD } from './support/good.ts';
import { contractOf, type ContractServer, startContractServer } from './support/server.ts';
import { goodForMe } from './support/me.ts';
import { MANAGEMENT_GOOD, MANAGEMENT_MUST_BE_SO } from './support/management.ts';
import { flows, names } from './support/members.ts';

/** An account that may call every operation of a document. */
interface Caller {
  headers: Record<string, string>;
  /** Parameters of paths. Others are unknown to everybody. */
  params: Record<string, string>;
  /** A valid body for each operation. */
  good(id: string): unknown;
}

interface Subject {
  name: string;
  /** Where the document is, and the prefix of its paths. */
  openapi: string;
  prefix: string;
  /** Which paths of the document belong to this caller. All unless given. */
  covers?(path: string): boolean;
  /** Whether no operation can end the caller's access, as with a service account. */
  stays?: boolean;
  join(): Promise<Caller>;
}

const UNKNOWN_ID = '7c3c6d5c-0000-4000-8000-000000000000';
/** Time limit in milliseconds for the requests of one document. */
const PATIENCE = 600_000;

let server: ContractServer;
const agent = new http.Agent({ keepAlive: true });
beforeAll(async () => {
  const attempts = { attempts: 1_000_000 };
  server = await startContractServer({
    settings: { lockout: { pair: attempts, source: attempts, account: attempts } },
  });
}, PATIENCE);
afterAll(() => agent.destroy());

const contracts = names.map((name): Subject => {
  const contract = contractOf(name);
  return {
    name,
    openapi: `/contracts/${name}${contract.openapiPath}`,
    prefix: `/contracts/${name}`,
    async join() {
      const member = await flows[name].join(server.visitor(name));
      // Needed to add factors and keys.
      await server.sql(
        'update users set email_verified_at = now(), owner_proven_at = now() where email = $1',
        [member.email],
      );
      const key: Record<string, string> = name === 'keyed' ? { 'X-API-Key': server.apiKey } : {};
      return {
        headers: { Authorization: `Bearer ${member.token}`, ...key },
        params: member.params,
        good: (id) => GOOD[name]?.[id]?.(member),
      };
    },
  };
});

const api: Subject = {
  name: 'the API',
  openapi: '/api/v2/openapi.json',
  prefix: '',
  covers: (path) => path.startsWith('/api/v2/me'),
  async join() {
    const person = await server.createPerson();
    const { tokens } = await connect(server, person, Object.keys(ME_SCOPES).join(' '));
    return {
      headers: { Authorization: `Bearer ${tokens.access_token}` },
      params: {},
      good: (id) => goodForMe(id, person.password),
    };
  },
};

const management: Subject = {
  name: 'the management API',
  openapi: '/api/v2/openapi.json',
  prefix: '',
  covers: (path) => !path.startsWith('/api/v2/me'),
  stays: true,
  async join() {
    const { body } = await ownToken(server, await serviceAccount(server, 'owner'));
    return {
      headers: { Authorization: `Bearer ${body['access_token'] ?? ''}` },
      params: {},
      good: (id) => MANAGEMENT_GOOD[id]?.(),
    };
  },
};

/**
 * Fields that need a true value, not just a valid one: the current password, a code, a link, a time zone, a
 * password
 * that is hard to guess.
 */
const MUST_BE_SO: Record<string, string[]> = {
  'gateway passwordResetConfirm': ['*'],
  'gateway changePassword': ['currentPassword'],
  'gateway verifyEmail': ['*'],
  'ppl changePassword': ['current_password'],
  'the API confirmTotp': ['*'],
  'the API addPasskey': ['*'],
  'the API changePassword': ['current_password'],
  'the API updateMe': ['zoneinfo', 'attributes'],
  ...MANAGEMENT_MUST_BE_SO,
};

/** Operations that don't end the caller's access. */
const HARMLESS = new Set([
  'createUser',
  'register',
  'login',
  'token',
  'validate',
  'createApiKey',
  'enrolTotp',
  'beginTotp',
  'updateMe',
]);

interface Verdict {
  /** Whether the request is valid by the document. Undefined if the document doesn't say. */
  isRight?: boolean | undefined;
  what: string;
}

interface Answered {
  status: number;
  type: string;
  text: string;
}

function send(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: unknown,
): Promise<Answered> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const json: Record<string, string | number> =
    text === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  return new Promise((resolve, reject) => {
    const request = http.request(
      { agent, port: server.postern.port, method, path, headers: { ...json, ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: (response.headers['content-type'] ?? '').split(';', 1)[0] ?? '',
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    request.on('error', reject);
    request.end(text);
  });
}

const pointer = (...parts: string[]) =>
  parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');

describe.each([...contracts, api, management])(
  'every operation of $name, according to its document,',
  (subject) => {
    const { name, openapi, prefix, covers = () => true, stays = false, join } = subject;
    let document: OpenApi;
    let caller: Caller;
    let schemaAt: (...path: string[]) => ValidateFunction | undefined;
    let operations: { method: string; path: string; operation: OpenApiOperation }[];
    beforeAll(async () => {
      document = (await (await fetch(`${server.url}${openapi}`)).json()) as OpenApi;
      caller = await join();
      const ajv = new Ajv2020({ strict: false });
      formats.default(ajv);
      ajv.addFormat('idn-email', true);
      ajv.addFormat('iri', URL.canParse);
      ajv.addSchema(document, 'document');
      schemaAt = (...path) => ajv.getSchema(`document#/${pointer(...path)}`);
      operations = Object.entries(document.paths ?? {})
        .filter(([path]) => covers(path))
        .flatMap(([path, methods]) =>
          Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
        );
    }, PATIENCE);

    it('declares the parameters in its path', () => {
      for (const { path, operation } of operations) {
        const declared = (operation.parameters ?? []).filter((one) => one.in === 'path');
        const inBraces = [...path.matchAll(/\{(\w+)\}/g)].map(([, braced]) => braced);
        expect(declared.map((one) => one.name)).toEqual(inBraces);
        expect(declared.every(({ required }) => required)).toBe(true);
      }
    });

    it(
      'accepts valid requests, refuses invalid ones, and answers all of them as documented',
      async () => {
        const flaws: string[] = [];

        const judge = (
          { method, path, operation }: (typeof operations)[number],
          { status, type, text }: Answered,
          { isRight, what }: Verdict,
        ): void => {
          const say = (problem: string) =>
            flaws.push(
              `${operation.operationId} ${what.slice(0, 300)}: ${problem}: ${status} ${text.slice(0, 200)}`,
            );
          if (status >= 500) return void say('failed');
          if (!(String(status) in operation.responses)) return void say('undocumented');
          const { content } = operation.responses[String(status)] as { content?: Record<string, object> };
          const said = content?.[type];
          if (content ? !said : text !== '') return void say(`undocumented type "${type}"`);
          const schema = schemaAt(
            'paths',
            path,
            method,
            'responses',
            String(status),
            'content',
            type,
            'schema',
          );
          if (
            said &&
            !schema?.(type === 'application/x-ndjson' || type === 'text/csv' ? text : JSON.parse(text))
          )
            return void say(`undocumented body: ${JSON.stringify(schema?.errors)}`);
          if (status === 429) return void say('too many');
          if (isRight === false && status < 300) return void say('accepted');
          const isTaken = /is taken|registered already|already (?:registered|exists)/.test(text);
          if (isRight === true && [400, 413, 415].includes(status) && !isTaken) return void say('refused');
          return undefined;
        };

        for (const [order, one] of operations.entries()) {
          const { method, path, operation } = one;
          const { operationId, parameters = [] } = operation;
          const asRight = MUST_BE_SO[`${name} ${operationId}`] ?? [];
          const at = (params: Record<string, string>, query = '') =>
            `${prefix}${path.replaceAll(/\{(\w+)\}/g, (_all, braced: string) => params[braced] ?? UNKNOWN_ID)}${query}`;
          const isBody = schemaAt(
            'paths',
            path,
            method,
            'requestBody',
            'content',
            'application/json',
            'schema',
          );
          const good = () => (isBody ? caller.good(operationId) : undefined);
          const ask = async (
            target: string,
            { headers, body, ...verdict }: Verdict & { headers?: object; body?: unknown },
          ) => {
            const reply = await send(method.toUpperCase(), target, { ...caller.headers, ...headers }, body);
            judge(one, reply, verdict);
            const isLeft = stays || method === 'get' || HARMLESS.has(operationId);
            if (reply.status < 300 && !isLeft) caller = await join();
            return reply;
          };

          expect({ operationId, isGood: isBody?.(good()) ?? true }).toEqual({ operationId, isGood: true });
          // A third of them for each operation, so that each of them meets many operations.
          for (const headers of ODD_HEADERS.filter((_headers, index) => index % 3 === order % 3))
            await ask(at(caller.params), { headers, body: good(), what: JSON.stringify(headers) });
          for (const [index, { name: parameter, in: where, schema }] of parameters.entries()) {
            // Header fields cannot contain these values.
            if (where === 'header') continue;
            const isValue = schemaAt('paths', path, method, 'parameters', String(index), 'schema');
            for (const odd of ODD_SEGMENTS) {
              const value = decoded(odd);
              const isNumber = schema.type === 'integer' && /^\d+$/.test(value);
              const sent = isNumber ? Number(value) : value;
              // An invalid id finds nothing.
              const isOpen = where === 'path' || asRight.includes(parameter);
              const isRight = isOpen ? undefined : isValue?.(schema.type === 'array' ? [sent] : sent);
              const params = where === 'path' ? { ...caller.params, [parameter]: odd } : caller.params;
              const query = where === 'query' ? `?${parameter}=${odd}` : '';
              await ask(at(params, query), { body: good(), isRight, what: `${parameter}=${odd}` });
            }
          }
          const changes = changesOf(operation.requestBody?.content['application/json']?.schema ?? {});
          const wrong: unknown[] = [];
          for (const change of isBody ? changes : []) {
            const whole = good();
            const body = change(whole);
            if (!isBody?.(body)) wrong.push(body);
            else {
              const mustBeSo = asRight.some((field) => field === '*' || differs(body, whole, field));
              await ask(at(caller.params), {
                body,
                isRight: !mustBeSo || undefined,
                what: JSON.stringify(body),
              });
            }
          }
          // Refused requests change nothing, so send many in parallel.
          for (let first = 0; first < wrong.length; first += 16)
            await Promise.all(
              wrong
                .slice(first, first + 16)
                .map((body) => ask(at(caller.params), { body, isRight: false, what: JSON.stringify(body) })),
            );
          const isRight = asRight.includes('*') ? undefined : true;
          const isReached = parameters.every((parameter) => parameter.name in caller.params);
          const { status, text } = await ask(at(caller.params), { body: good(), isRight, what: 'good' });
          if (isBody && isRight && isReached && status >= 300)
            flaws.push(`${operationId}: not accepted: ${status} ${text}`);
        }
        expect(flaws).toEqual([]);
      },
      PATIENCE,
    );
  },
);

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const differs = (one: unknown, other: unknown, field: string): boolean =>
  (one as Record<string, unknown>)[field] !== (other as Record<string, unknown>)[field];
