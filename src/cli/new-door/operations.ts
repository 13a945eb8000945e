import type { OldOperation, Schema } from './document.ts';
import { type Kind, kindOf, type Part, partsOf, withRequired } from './recognise.ts';
import { indent, type Known, present, quoted, replySource, requestSource } from './schemas.ts';

/** A generated operation. */
export interface Written {
  id: string;
  kind: Kind | null;
  /** The decision left to the author; null for none. */
  undecided: string | null;
  old: OldOperation;
  source: string;
  schemas: string;
  presenter: string;
}

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

interface Handling {
  /** Statements before the reply. */
  lines: string[];
  known: Known;
  /** Names of the call object that it uses. */
  needs: string[];
  /** The account, where the call has no token. */
  accountId?: string;
  /** Error statuses that it can return. */
  refusals?: number[];
}

const field = (parts: Map<Part, string>, part: Part): string | null => {
  const name = parts.get(part);
  return name === undefined
    ? null
    : /^[A-Za-z_$][\w$]*$/.test(name)
      ? `body.${name}`
      : `body[${quoted(name)}]`;
};

const requires = (body: Schema, name: string): boolean => body.required?.includes(name) ?? false;

/** Arguments of the use case, by its names. */
function profileOf(body: Schema, parts: Map<Part, string>, wanted: Part[]): string {
  return wanted
    .flatMap((part) => {
      const name = parts.get(part);
      if (name === undefined) return [];
      const value = field(parts, part)!;
      return [
        requires(body, name)
          ? `${part}: ${value}`
          : `...(${value} === undefined ? {} : { ${part}: ${value} })`,
      ];
    })
    .join(', ');
}

function whoOf(body: Schema, parts: Map<Part, string>): string {
  const names = (['identifier', 'email', 'username'] as const).filter((part) => parts.has(part));
  const [only] = names;
  if (names.length === 1 && only) {
    const value = field(parts, only)!;
    const text = requires(body, parts.get(only)!) ? value : `${value} ?? ''`;
    return only === 'email' ? `email: ${text}` : `identifier: ${text}`;
  }
  return `identifier: ${names.map((part) => field(parts, part)).join(' ?? ')} ?? ''`;
}

/** Generates the handler of each kind, or explains why it cannot. */
function handlingOf(kind: Kind, { body, reply }: OldOperation, refreshes: boolean): Handling | string {
  const parts = partsOf(body);
  const needed = (part: Part) => field(parts, part) ?? `''`;
  const required = (part: Part) =>
    body && requires(body, parts.get(part) ?? '') ? needed(part) : `${needed(part)} ?? ''`;
  const nobody = { user: false, tokens: false };
  switch (kind) {
    case 'register': {
      if (!body || !parts.has('email'))
        return 'its body has no email address, which every account of Postern needs';
      const registration = `{ ${profileOf(body, parts, ['email', 'username', 'password', 'name', 'givenName', 'familyName'])} }`;
      const missing = (['email', 'password'] as const).filter(
        (part) => !requires(body, parts.get(part) ?? ''),
      );
      if (missing.length > 0) return `${missing.join(' and ')} must be required`;
      const asksTokens =
        reply.schema !== null && present(reply.schema, { user: true, tokens: true }).uses.has('tokens');
      return {
        lines: [
          asksTokens
            ? `const { user, tokens } = await join(services, NAME, ${registration}, { actor, signal });`
            : `const user = await services.accounts.register(${registration}, actor, signal);`,
        ],
        known: { user: true, tokens: asksTokens },
        needs: ['body', 'actor', 'signal', 'services'],
        accountId: 'user.id',
        refusals: asksTokens ? [401, 403] : [403],
      };
    }
    case 'login': {
      if (!body) return 'it has no body';
      const otp = parts.has('otp') ? `, otp: ${field(parts, 'otp')}` : '';
      const credentials = `{ ${whoOf(body, parts)}, password: ${required('password')}${otp} }`;
      return {
        lines: [`const { user, tokens } = await logIn(services, NAME, ${credentials}, { actor, signal });`],
        known: { user: true, tokens: true },
        needs: ['body', 'actor', 'signal', 'services'],
        accountId: 'user.id',
        refusals: [401],
      };
    }
    case 'refresh': {
      const asksUser =
        reply.schema !== null && present(reply.schema, { user: true, tokens: true }).uses.has('user');
      return {
        lines: [
          `const tokens = await services.tokens.refresh(NAME, ${required('refreshToken')}, actor);`,
          ...(asksUser
            ? [
                `const user = await services.accounts.find(tokens.accountId);`,
                `if (!user) throw new DomainError('invalid_token');`,
              ]
            : []),
        ],
        known: { user: asksUser, tokens: true },
        needs: ['body', 'actor', 'services'],
        accountId: 'tokens.accountId',
        refusals: [401],
      };
    }
    case 'logout': {
      const token = field(parts, 'refreshToken') ?? field(parts, 'token');
      return {
        lines: [
          `if (caller?.kind === 'user') await services.tokens.end(caller.claims, actor);`,
          ...(token && refreshes
            ? [`if (${token} !== undefined) await services.tokens.endByRefreshToken(NAME, ${token}, actor);`]
            : []),
        ],
        known: nobody,
        needs: [...(token && refreshes ? ['body'] : []), 'caller', 'actor', 'services'],
      };
    }
    case 'me':
      return {
        lines: ['const user = await callingUser(services, caller);'],
        known: { user: true, tokens: false },
        needs: ['caller', 'services'],
      };
    case 'updateMe': {
      if (!body) return 'it has no body';
      const changes = profileOf(body, parts, ['email', 'username', 'name', 'givenName', 'familyName']);
      if (changes === '') return 'Postern stores none of its fields';
      const who = parts.has('email') ? 'recentUser' : 'callingUser';
      return {
        lines: [
          `const { id } = await ${who}(services, caller);`,
          `const user = await services.accounts.update(id, { ${changes} }, actor);`,
        ],
        known: { user: true, tokens: false },
        needs: ['body', 'caller', 'actor', 'services'],
      };
    }
    case 'deleteMe':
      return {
        lines: [
          'const { id } = await recentUser(services, caller);',
          'await services.accounts.remove(id, actor);',
        ],
        known: nobody,
        needs: ['caller', 'actor', 'services'],
      };
    case 'changePassword': {
      const next = parts.has('newPassword') ? 'newPassword' : 'password';
      const passwords = `{ current: ${required('currentPassword')}, next: ${required(next)}, wrongCurrent: 'The current password is wrong' }`;
      return {
        lines: [
          `await inOwnField(${quoted(parts.get(next)!)}, () =>`,
          `  changeOwnPassword(services, caller, ${passwords}, { actor, signal }),`,
          `);`,
        ],
        known: nobody,
        needs: ['body', 'caller', 'actor', 'signal', 'services'],
      };
    }
    case 'forgotPassword':
      return {
        lines: [
          '// The same reply whether the account exists or not.',
          `await services.reset.request({ email: ${required('email')} }, actor, { locale: localeOf(ctx) });`,
        ],
        known: nobody,
        needs: ['body', 'actor', 'services', 'ctx'],
      };
    case 'resetPassword': {
      const next = parts.has('newPassword') ? 'newPassword' : 'password';
      return {
        lines: [
          `const { id } = await inOwnField(${quoted(parts.get(next)!)}, () =>`,
          `  services.reset.confirm(${required('token')}, ${required(next)}, actor, signal),`,
          `);`,
        ],
        known: nobody,
        needs: ['body', 'actor', 'signal', 'services'],
        accountId: 'id',
      };
    }
    case 'verifyEmail':
      return {
        lines: [`await services.verification.confirm(${required('token')}, actor);`],
        known: nobody,
        needs: ['body', 'actor', 'services'],
      };
    case 'validate':
      return {
        lines: [
          `const claims = await services.tokens.verify(NAME, ${required('token')});`,
          `const user = claims && (await services.accounts.find(claims.sub));`,
          `if (user?.status !== 'active' || (await services.mfa.lacksRequired(user))) throw new DomainError('invalid_token');`,
        ],
        known: { user: true, tokens: false },
        needs: ['body', 'services'],
        accountId: 'user.id',
        refusals: [401],
      };
    default:
      return { lines: [], known: nobody, needs: [] };
  }
}

const LIMITS: Partial<Record<Kind, string>> = {
  me: 'ordinary',
  logout: 'ordinary',
  updateMe: 'ordinary',
  deleteMe: 'ordinary',
  health: 'unlimited',
  validate: 'unlimited',
};

/** Kinds that are called without a token. */
const OPEN: ReadonlySet<Kind | null> = new Set<Kind | null>([
  'register',
  'login',
  'refresh',
  'forgotPassword',
  'resetPassword',
  'verifyEmail',
  'validate',
  'health',
]);

/** The callers. A document's global security often does not apply to these kinds. */
function callersOf(kind: Kind | null, auth: OldOperation['auth']): 'none' | 'bearer' | 'apiKey' {
  if (OPEN.has(kind)) return auth === 'apiKey' ? auth : 'none';
  if (kind !== null) return 'bearer';
  return auth === 'unsaid' ? 'none' : auth;
}

/** Generates an operation as TypeScript. @param invalid the status for an invalid body. */
export function writeOperation(
  read: OldOperation,
  { invalid, refreshes }: { invalid: number; refreshes: boolean },
): Written {
  const recognised = read.unreadable === null ? kindOf(read) : null;
  const old = recognised && read.body ? { ...read, body: withRequired(recognised, read.body) } : read;
  const { id, method, path, summary, body, reply } = old;
  const handling = recognised === null ? null : handlingOf(recognised, old, refreshes);
  const isWritten = handling !== null && typeof handling === 'object';
  const kind = isWritten ? recognised : null;
  const presented =
    reply.schema && present(reply.schema, isWritten ? handling.known : { user: false, tokens: false });
  const undecided =
    old.unreadable ??
    (typeof handling === 'string' ? handling : null) ??
    (isWritten ? null : 'implement it in handle, or leave it out') ??
    (kind === 'login' && !presented?.uses.has('tokens')
      ? 'its reply has no token: return it in handle, for example with ctx.set or in a cookie'
      : null) ??
    (presented && presented.missing.length > 0
      ? `its reply has ${presented.missing.join(', ')}, which Postern does not know: fill it in presenters.ts`
      : null);
  const hasBody = body !== null && !(kind === 'refresh' && !body.properties);
  const callers = callersOf(kind, old.auth);
  const refusals = [
    ...new Set([
      ...old.refusals.filter((status) => status < 500 && ![404, 405, 413, 415, 429].includes(status)),
      ...(hasBody ? [invalid] : []),
      ...(callers === 'none' ? [] : [401]),
      ...(callers === 'apiKey' ? [403] : []),
      ...((isWritten && handling.refusals) || []),
    ]),
  ].sort((a, b) => a - b);
  const params = (presented ? [...presented.uses] : []).sort().reverse();
  const call = params.join(', ');
  const signature = params.map((name) => `${name}: ${name === 'user' ? 'User' : 'TokenSet'}`).join(', ');
  const answer = [
    `status: ${reply.status}`,
    ...(presented ? [`body: presenters.${id}Reply(${call})`] : []),
    ...(isWritten && handling.accountId ? [`accountId: ${handling.accountId}`] : []),
  ].join(', ');
  const effect = kind === 'login' ? `  effect: 'login',\n` : kind === 'validate' ? `  effect: 'none',\n` : '';
  const handle = isWritten
    ? `  async handle(${handling.needs.length > 0 ? `{ ${handling.needs.join(', ')} }` : ''}) {\n${handling.lines.map((line) => `    ${line}\n`).join('')}    return { ${answer} };\n  },`
    : `  async handle() {\n    throw new DomainError('server_error');\n  },`;
  return {
    id,
    kind,
    undecided,
    old,
    source: `operation({
  id: ${quoted(id)},
  method: ${quoted(method)},
  path: ${quoted(path)},
  summary: ${quoted(summary)},
  auth: ${quoted(callers)},
${effect}  limit: ${quoted((kind && LIMITS[kind]) ?? (kind === null && callers !== 'none' ? 'ordinary' : 'credentials'))},
${hasBody ? `  body: schemas.${capital(id)}Request,\n` : ''}  replies: { ${reply.status}: ${reply.schema ? `schemas.${capital(id)}Reply` : 'null'} },
  refusals: [${refusals.join(', ')}],
${undecided === null ? '' : `  undecided: ${quoted(undecided)},\n`}${handle}
})`,
    schemas: [
      ...(hasBody
        ? [`export const ${capital(id)}Request = ${requestSource(body, kind === 'register')};\n`]
        : []),
      ...(reply.schema ? [`export const ${capital(id)}Reply = ${replySource(reply.schema)};\n`] : []),
    ].join('\n'),
    presenter:
      presented && isWritten
        ? `export const ${id}Reply = (${signature}) => (${indent(presented.code).replaceAll('\n  ', '\n')});\n`
        : '',
  };
}

/** The names of `needs` that a text uses, for the imports of a file. */
export const namesIn = (text: string, names: string[]): string[] =>
  names.filter((name) => new RegExp(`\\b${name}\\b`).test(text.replaceAll(/'(?:[^'\\]|\\.)*'/g, "''")));
