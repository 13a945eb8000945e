import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readDocument } from '../../src/cli/new-door/document.ts';
import { newDoor } from '../../src/cli/new-door/index.ts';
import { temporaryFolder } from '../support/cleanup.ts';

describe('a Swagger 2.0 document', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });

  it.each<[string, string, RegExp]>([
    ['is empty', 'swagger: "2.0"', /has no operations/],
    ['is circular by anchors', 'swagger: "2.0"\npaths: &a\n  /x: *a\n', /nested too deep/],
    [
      'is circular',
      JSON.stringify({
        swagger: '2.0',
        paths: { '/tree': { get: { responses: { 200: { schema: { $ref: '#/definitions/Tree' } } } } } },
        definitions: { Tree: { properties: { child: { $ref: '#/definitions/Tree' } } } },
      }),
      /Tree is circular/,
    ],
    [
      'points outside',
      'swagger: "2.0"\npaths: { /x: { post: { parameters: [{ $ref: "https://elsewhere.example/p.json" }] } } }',
      /https:\/\/elsewhere\.example\/p\.json is outside the file/,
    ],
  ])('that %s is refused', async (_what, text, problem) => {
    const file = path.join(folder, 'old');
    await writeFile(file, text);
    await expect(readDocument(file)).rejects.toThrow(problem);
  });

  it('is read as the equivalent OpenAPI 3 document', async () => {
    const person = { type: 'object', required: ['id'], properties: { id: { type: 'integer' } } };
    const problem = { type: 'object', properties: { error: { type: 'string' } } };
    const file = path.join(folder, 'swagger.json');
    await writeFile(
      file,
      JSON.stringify({
        swagger: '2.0',
        info: { title: 'Quay', version: '4.1' },
        basePath: '/api/v3',
        consumes: ['application/json'],
        produces: ['application/json'],
        security: [{ token: [] }],
        securityDefinitions: {
          token: { type: 'apiKey', in: 'header', name: 'Authorization' },
          key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
          basic: { type: 'basic' },
        },
        parameters: {
          Credentials: { in: 'body', name: 'body', schema: { $ref: '#/definitions/Credentials' } },
        },
        responses: { Refused: { description: 'No', schema: { $ref: '#/definitions/Problem' } } },
        definitions: {
          Person: person,
          Problem: problem,
          Credentials: { type: 'object', properties: { email: { type: 'string' } } },
        },
        paths: {
          '/login': {
            parameters: [{ $ref: '#/parameters/Credentials' }],
            post: {
              security: [],
              responses: {
                200: {
                  description: 'In',
                  schema: { type: 'object', properties: { token: { type: 'string' } } },
                },
                401: { $ref: '#/responses/Refused' },
              },
            },
          },
          '/people/:id': {
            get: {
              security: [{ key: [] }],
              parameters: [{ in: 'path', name: 'id', type: 'integer', required: true }],
              responses: { 200: { schema: { $ref: '#/definitions/Person' } } },
            },
          },
          '/me': {
            get: {
              produces: ['text/plain'],
              responses: { 200: { schema: { $ref: '#/definitions/Person' } } },
            },
          },
          '/token': {
            post: {
              consumes: ['application/x-www-form-urlencoded'],
              security: [{ basic: [] }],
              parameters: [{ in: 'formData', name: 'code', type: 'string', required: true }],
              responses: { 204: { description: 'Done' } },
            },
          },
        },
      }),
    );
    const { title, basePath, refusal, operations } = await readDocument(file);
    expect({ title, basePath, refusal }).toEqual({ title: 'Quay', basePath: '/api/v3', refusal: problem });
    expect(
      operations.map(({ id, path: at, auth, body, unreadable, reply: { status, schema }, refusals }) => [
        id,
        at,
        auth,
        Object.keys(body?.properties ?? {}),
        unreadable?.split(',')[0] ?? null,
        status,
        Object.keys(schema?.properties ?? {}),
        refusals,
      ]),
    ).toEqual([
      ['postLogin', '/login', 'none', ['email'], null, 200, ['token'], [401]],
      ['getPeopleId', '/people/{id}', 'apiKey', [], null, 200, ['id'], []],
      ['getMe', '/me', 'bearer', [], null, 200, ['id'], []],
      ['postToken', '/token', 'none', [], 'it uses HTTP Basic', 204, [], []],
    ]);
  });

  it('without security and required fields, as generators write it, is understood by what operations do', async () => {
    const fields = (...names: string[]) => ({
      type: 'object',
      properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
    });
    const takes = (...names: string[]) => [{ in: 'body', name: 'body', schema: fields(...names) }];
    const gives = (...names: string[]) => ({ 200: { description: 'OK', schema: fields(...names) } });
    const file = path.join(folder, 'silent.json');
    const done = { 200: { description: 'OK' } };
    await writeFile(
      file,
      JSON.stringify({
        swagger: '2.0',
        paths: {
          '/users': { post: { parameters: takes('email', 'password'), responses: done } },
          '/login': { post: { parameters: takes('email', 'password'), responses: gives('token') } },
          '/login/simple': { post: { parameters: takes('email', 'password'), responses: done } },
          '/users/password': {
            put: { parameters: takes('old_password', 'new_password'), responses: done },
          },
          '/users/profile': { get: { responses: gives('email') } },
          '/roles': { get: { responses: gives('name') } },
        },
      }),
    );
    const out = path.join(folder, 'silent');
    const { json } = await newDoor('silent', { openapi: file, out });
    const { operations } = json as { operations: { endpoint: string; kind: string; undecided: string }[] };
    expect(operations.map(({ endpoint, kind, undecided }) => [endpoint, kind, undecided])).toEqual([
      ['POST /users', 'register', null],
      ['POST /login', 'login', null],
      ['POST /login/simple', 'login', expect.stringContaining('no token')],
      ['PUT /users/password', 'changePassword', null],
      ['GET /users/profile', 'me', null],
      ['GET /roles', null, expect.stringContaining('leave it out')],
    ]);
    const written = await readFile(path.join(out, 'operations.ts'), 'utf8');
    expect([...written.matchAll(/auth: '(\w+)'/g)].map(([, auth]) => auth)).toEqual([
      'none',
      'none',
      'none',
      'bearer',
      'bearer',
      'none',
    ]);
    expect(await readFile(path.join(out, 'schemas.ts'), 'utf8')).not.toMatch(/password.*optional/);
    // Undecided operations have cases too.
    expect(await readFile(path.join(out, 'conformance.ts'), 'utf8')).toContain("call('postUsers'");
  });
});
