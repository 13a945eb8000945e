import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { readDocument } from '../../src/cli/new-door/document.ts';
import { temporaryFolder } from '../support/cleanup.ts';

describe('a document of Swagger 2.0', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });

  it.each<[string, string, RegExp]>([
    ['is empty', 'swagger: "2.0"', /has no operations/],
    ['is circular by anchors', 'swagger: "2.0"\npaths: &a\n  /x: *a\n', /goes too deep/],
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
      /https:\/\/elsewhere\.example\/p\.json points outside/,
    ],
  ])('that %s is refused', async (_what, text, problem) => {
    const file = path.join(folder, 'old');
    await writeFile(file, text);
    await expect(readDocument(file)).rejects.toThrow(problem);
  });

  it('reads what Swagger 2.0 says as OpenAPI 3 would say it', async () => {
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
      ['postToken', '/token', 'none', [], 'it logs in by HTTP Basic', 204, [], []],
    ]);
  });
});
