import path from 'node:path';
import type { OldDocument, Schema } from './document.ts';
import { merged } from './document.ts';
import { namesIn, type Written, writeOperation } from './operations.ts';
import { kindOf, partsOf, plain } from './recognise.ts';
import { indent, isWithinRefresh, keyOf, quoted, replySource, typeOf } from './schemas.ts';

const DOOR_NAMES = [
  'callingUser',
  'changeOwnPassword',
  'DEFAULT_LIFETIMES',
  'DomainError',
  'inOwnField',
  'join',
  'localeOf',
  'logIn',
  'recentUser',
  'rolesOf',
  'usernameOf',
];

/** The error in the old service's schema, as far as its field names are recognized. */
export function refusalOf(shape: Schema | null): { schema: string; code: string; missing: string[] } | null {
  if (!shape || typeOf(shape).type !== 'object' || !shape.properties) return null;
  const missing: string[] = [];
  const write = (schema: Schema, path: string): string => {
    const fields = Object.entries(schema.properties ?? {}).map(([name, property]) => {
      const part = merged(property);
      const at = path === '' ? name : `${path}.${name}`;
      const code = refusalField(plain(name), part);
      if (code !== null) return code === name ? `  ${name},\n` : `  ${keyOf(name)}: ${code},\n`;
      const isRequired = schema.required?.includes(name) ?? false;
      if (typeOf(part).type === 'object' && part.properties)
        return `  ${keyOf(name)}: ${indent(write(part, at))},\n`;
      if (!isRequired) return '';
      if (typeOf(part).isNullable) return `  ${keyOf(name)}: null,\n`;
      missing.push(at);
      return `  ${keyOf(name)}: undefined as never,\n`;
    });
    return `{\n${fields.join('')}}`;
  };
  const code = write(shape, '');
  return { schema: replySource({ ...shape, ...withoutExamples(shape) }), code, missing };
}

/** Fill in statuses and codes from the error, not from an example. */
function withoutExamples(shape: Schema): Partial<Schema> {
  const open = (property: Schema): Schema => {
    const { enum: _values, const: _only, ...rest } = merged(property);
    return rest.properties ? { ...rest, ...withoutExamples(rest) } : rest;
  };
  return {
    properties: Object.fromEntries(
      Object.entries(shape.properties ?? {}).map(([name, one]) => [name, open(one)]),
    ),
  };
}

function refusalField(name: string, schema: Schema): string | null {
  const { type, isNullable } = typeOf(schema);
  const isText = type === 'string' || type === undefined;
  const isNumber = type === 'integer' || type === 'number';
  if (
    /^(message|msg|error|detail|details|description|reason|title|errormessage|errordescription)$/.test(
      name,
    ) &&
    isText
  )
    return 'message';
  if (/^(code|errorcode|error|type|kind)$/.test(name)) return isText ? 'code' : isNumber ? 'status' : null;
  if (/^(status|statuscode|httpstatus|httpcode)$/.test(name))
    return isNumber ? 'status' : isText ? `'error'` : null;
  if (/^(success|ok)$/.test(name) && type === 'boolean') return 'false';
  if (/^(timestamp|time|at|date)$/.test(name))
    return isText ? 'at.toISOString()' : isNumber ? 'at.getTime()' : null;
  if (/^(requestid|traceid|correlationid)$/.test(name) && isText) return 'requestId';
  if (/^field$/.test(name) && isText) return isNullable ? 'details.field ?? null' : `details.field ?? ''`;
  if (/^(data|result|payload)$/.test(name) && isNullable) return 'null';
  if (/^(errors|details|detail|violations)$/.test(name) && type === 'array')
    return schema.items && typeOf(merged(schema.items)).type === 'string' ? '[message]' : '[]';
  return null;
}

/** A neutral value for a required field. */
function sampleOf(schema: Schema): string {
  const { type } = typeOf(schema);
  const example = schema.const ?? schema.enum?.[0] ?? schema.example ?? schema.default;
  if (
    example !== undefined &&
    (typeof example === 'string' || typeof example === 'number' || typeof example === 'boolean')
  )
    return typeof example === 'string' ? quoted(example) : String(example);
  const samples: Record<string, string> = {
    integer: '1',
    number: '1',
    boolean: 'true',
    array: '[]',
    object: '{}',
  };
  return samples[type ?? ''] ?? `'text'`;
}

/** The body of a request, as TypeScript. @param changes replacement code by part. */
function bodyOf(one: Written, changes: Record<string, string> = {}): string {
  const { body } = one.old;
  const parts = new Map([...partsOf(body)].map(([part, name]) => [name, part]));
  const values: Record<string, string> = {
    email: 'person.email',
    username: 'person.username',
    identifier: 'person.email',
    password: 'person.password',
    repeated: 'person.password',
    name: `'Case'`,
    givenName: `'Case'`,
    familyName: `'Case'`,
    ...changes,
  };
  const fields = Object.entries(body?.properties ?? {}).flatMap(([name, property]) => {
    const part = parts.get(name);
    const value = part && values[part];
    if (value !== undefined) return [`${keyOf(name)}: ${value}`];
    return body?.required?.includes(name) ? [`${keyOf(name)}: ${sampleOf(merged(property))}`] : [];
  });
  return `{ ${fields.join(', ')} }`;
}

/** The dotted path of a token in a reply. */
function pathTo(schema: Schema | null, token: 'access' | 'refresh', path = ''): string | null {
  for (const [name, property] of Object.entries((schema && merged(schema).properties) ?? {})) {
    const at = path === '' ? name : `${path}.${name}`;
    const isText = typeOf(merged(property)).type === 'string';
    if (isText && isToken(plain(name)) && isWithinRefresh(at) === (token === 'refresh')) return at;
    const inner = pathTo(property, token, at);
    if (inner) return inner;
  }
  return null;
}

const isToken = (name: string): boolean =>
  /^(access|auth|bearer|refresh)?(token|jwt)$|^(access|refresh)$/.test(name);

function writeCases(title: string, basePath: string, written: Written[], invalid: number): string {
  // Include undecided operations: no server starts until they are decided.
  const find = (kind: Written['kind']) => written.find((one) => one.kind === kind);
  const [register, login, me, logout, refresh] = (
    ['register', 'login', 'me', 'logout', 'refresh'] as const
  ).map(find);
  const access = login && pathTo(login.old.reply.schema, 'access');
  const refreshPath = login && pathTo(login.old.reply.schema, 'refresh');
  const heading = (one: Written) => quoted(`${one.old.method.toUpperCase()} ${one.old.path}`);
  const call = (one: Written, sent: string, status: number) =>
    `await call('${one.id}', ${sent}, { status: ${status} });`;
  const cases: string[] = [];
  const add = (one: Written, name: string, lines: string[]) =>
    cases.push(
      `  {\n    section: ${heading(one)},\n    name: ${quoted(name)},\n    async run({ call }) {\n${lines.map((line) => `      ${line}\n`).join('')}    },\n  },\n`,
    );
  const arrive =
    register &&
    `const person = newPerson();\n      ${call(register, `{ body: ${bodyOf(register)}, makes: person }`, register.old.reply.status)}`;
  if (register && arrive) add(register, 'makes an account', [arrive]);
  if (login) {
    add(login, 'answers 401 to a wrong password and to nobody', [
      ...(arrive ? [arrive] : ['const person = newPerson();']),
      call(login, `{ body: ${bodyOf(login, { password: `'wrong password'` })} }`, 401),
      `const stranger = newPerson();`,
      call(login, `{ body: ${bodyOf(login).replaceAll('person.', 'stranger.')} }`, 401),
    ]);
    const enter = `const answer = await call('${login.id}', { body: ${bodyOf(login)} }, { status: ${login.old.reply.status} });`;
    if (arrive && access) {
      const bearer = `const bearer = answer.text('${access}');`;
      if (me)
        add(me, 'shows who has logged in', [
          arrive,
          enter,
          bearer,
          call(me, '{ bearer }', me.old.reply.status),
        ]);
      if (logout && me && !logout.old.body)
        add(logout, 'ends the login', [
          arrive,
          enter,
          bearer,
          call(logout, '{ bearer }', logout.old.reply.status),
          call(me, '{ bearer }', 401),
        ]);
    }
    if (arrive && refresh && refreshPath)
      add(refresh, 'gives a new access token', [
        arrive,
        enter,
        call(
          refresh,
          `{ body: ${bodyOf(refresh, { refreshToken: `answer.text('${refreshPath}')` })} }`,
          refresh.old.reply.status,
        ),
      ]);
  }
  if (me)
    add(me, 'answers 401 without a token', [call(me, '{}', 401), call(me, '{ bearer: NO_TOKEN }', 401)]);
  const post = login ?? register;
  const isAlone = post && !written.some(({ old }) => old.path === post.old.path && old.method === 'patch');
  const refusals =
    post && isAlone && invalid === 400
      ? [`  ...refusalCases('Errors', '${basePath}${post.old.path}'),\n`]
      : [];
  const text = [...cases, ...refusals].join('');
  const names = ['type Case', ...namesIn(text, ['newPerson', 'NO_TOKEN', 'refusalCases'])];
  return `import { ${names.join(', ')} } from 'postern/door';\n\n/** What clients of ${comment(title)} rely on, for \`postern contract verify\`. Add what yours use. */\nexport const cases: Case[] = [\n${text}];\n`;
}

const comment = (text: string): string => text.replaceAll('*/', '* /').replaceAll(/[\r\n\u2028\u2029]/g, ' ');

export interface NewDoor {
  files: Record<string, string>;
  written: Written[];
  /** Decisions left to the author besides operations. */
  undecided: string[];
}

/** Generates the files of a contract from a document. @param door the path of `postern/door` for editors. */
export function writeDoor(name: string, document: OldDocument, door: string): NewDoor {
  const { title, version, description, basePath, operations } = document;
  const withBody = operations.filter(({ body }) => body);
  const answers = (status: number) => withBody.filter(({ refusals }) => refusals.includes(status)).length;
  const invalid = answers(422) > answers(400) ? 422 : 400;
  const login = operations.find((one) => kindOf(one) === 'login');
  const refresh = operations.find((one) => kindOf(one) === 'refresh');
  const written = operations.map((one) => writeOperation(one, { invalid, refreshes: refresh !== undefined }));
  const rotates = refresh !== undefined && pathTo(refresh.reply.schema, 'refresh') !== null;
  const register = operations.find((one) => kindOf(one) === 'register');
  const isConflict = register?.refusals.includes(409) ?? false;
  const refusal = refusalOf(document.refusal);
  const statuses = [
    ...(invalid === 422
      ? ['invalid_request', 'invalid_email', 'invalid_username', 'weak_password'].map(
          (code) => `${code}: 422`,
        )
      : []),
    ...(isConflict ? [] : [`username_taken: ${invalid}`, `email_taken: ${invalid}`]),
  ];
  const undecided = [
    ...(refusal?.missing.map((at) => `errors.ts: the refusal has ${at}, which Postern does not know`) ?? []),
    ...(login ? [] : ['no login was recognised in the document']),
  ];
  const sources = written.map(({ source }) => `  ${indent(source)},\n`).join('');
  const presenters = written
    .map(({ presenter }) => presenter)
    .filter((text) => text !== '')
    .join('\n');
  const presenterTypes = namesIn(presenters, ['TokenSet', 'User']).map((type) => `type ${type}`);
  const presenterNames = [...namesIn(presenters, DOOR_NAMES), ...presenterTypes];
  const schemas = written
    .map((one) => one.schemas)
    .filter((text) => text !== '')
    .join('\n');
  const errors = refusal
    ? `import { type Refusal, z } from 'postern/door';\n\nexport const Problem = ${refusal.schema};\n\n/** A refusal in the shape of the document. */\nexport const refuse = ({ ${namesIn(refusal.code, ['at', 'code', 'details', 'message', 'requestId', 'status']).join(', ')} }: Refusal) => (${refusal.code});\n`
    : `import { CodedError, codedError } from 'postern/door';\n\n/** The document does not define its errors: this is \`{"error":{code,message,details}}\`. */\nexport const Problem = CodedError;\nexport const refuse = codedError;\n`;
  const usesPresenters = sources.includes('presenters.');
  const files: Record<string, string> = {
    'schemas.ts': `import { ${[...namesIn(schemas, ['EMAIL_FORM', 'newPassword', 'secret', 'text', 'USERNAME_FORM']), 'z'].join(', ')} } from 'postern/door';\n\n${schemas}`,
    'presenters.ts': `${presenterNames.length > 0 ? `import { ${presenterNames.join(', ')} } from 'postern/door';\n\n` : ''}/** Maps Postern's data to the document, field by field. Nothing else is returned. */\n${presenters || 'export {};\n'}`,
    'operations.ts': `import { ${[...namesIn(sources, DOOR_NAMES), 'operation', 'type Operation'].join(', ')} } from 'postern/door';\n${usesPresenters ? `import * as presenters from './presenters.ts';\n` : ''}import * as schemas from './schemas.ts';\n\nexport const NAME = ${quoted(name)};\n\nexport const operations: Operation[] = [\n${sources}];\n`,
    'errors.ts': errors,
    'conformance.ts': writeCases(title, basePath, written, invalid),
    'index.ts': `import { type Contract, DEFAULT_LIFETIMES } from 'postern/door';
import { Problem, refuse } from './errors.ts';
import { NAME, operations } from './operations.ts';

export const door: Contract = {
  doorVersion: 1,
  name: NAME,
  title: ${quoted(title)},
  version: ${quoted(version)},
  description: ${quoted(description)},
  basePath: ${quoted(basePath)},
  pages: {},
  openapiPath: ${quoted(`${basePath}/openapi.json`)},
  rotatesRefreshTokens: ${rotates},
  // Seconds: replace by the lifetimes of the old service's tokens.
  tokens: DEFAULT_LIFETIMES,
  operations,
  statuses: {${statuses.length > 0 ? ` ${statuses.join(', ')} ` : ''}},
  messages: {},
  refusalSchema: Problem,
  refuse,
  givesAway: () => [${isConflict || register ? `'registration reveals which usernames and addresses are taken'` : ''}],
  cases: async () => (await import('./conformance.ts')).cases,
};
`,
    'tsconfig.json': `${JSON.stringify(
      {
        compilerOptions: {
          target: 'es2024',
          lib: ['esnext'],
          types: ['node'],
          typeRoots: [path.resolve(door, '../../../../node_modules/@types')],
          module: 'nodenext',
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          allowImportingTsExtensions: true,
          erasableSyntaxOnly: true,
          paths: { 'postern/door': [door] },
        },
        include: ['*.ts'],
      },
      null,
      2,
    )}\n`,
  };
  return { files, written, undecided };
}
