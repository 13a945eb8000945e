import type { OldOperation, Schema } from './document.ts';

/** The meaning of a request field. */
export type Part =
  | 'email'
  | 'username'
  | 'identifier'
  | 'password'
  | 'newPassword'
  | 'currentPassword'
  | 'repeated'
  | 'refreshToken'
  | 'token'
  | 'otp'
  | 'name'
  | 'givenName'
  | 'familyName';

const PARTS: [Part, RegExp][] = [
  ['email', /^e?mail(address)?$|^useremail$/],
  ['username', /^(user|login|nick|account)name$|^nick$|^handle$|^loginid$/],
  ['identifier', /^(login|identifier|user|account|identity|usernameoremail|emailorusername|credential)$/],
  ['repeated', /(confirm|repeat|again|verify).*(pass|pwd)|(pass|pwd).*(confirm|repeat|again)/],
  ['currentPassword', /^(current|old|existing|previous)(password|pwd|pass)$/],
  ['newPassword', /^new(password|pwd|pass)$|^password(new)$/],
  ['password', /^(password|passwd|pwd|pass|pin|secret|plainpassword|userpassword)$/],
  ['refreshToken', /^refresh(token|jwt)?$/],
  ['otp', /^(otp|totp|mfa(code|token)?|twofactorcode|2fa(code)?)$/],
  ['token', /^(access|reset|verification|jwt|auth)?(token|jwt)$|^code$|^key$/],
  ['name', /^(name|fullname|displayname)$/],
  ['givenName', /^(first|given)name$/],
  ['familyName', /^(last|family|sur)name$|^surname$/],
];

export const plain = (name: string): string => name.replaceAll(/[^A-Za-z0-9]/g, '').toLowerCase();

/** Recognizes the top-level fields of a body by name. */
export function partsOf(body: Schema | null): Map<Part, string> {
  const found = new Map<Part, string>();
  for (const name of Object.keys(body?.properties ?? {})) {
    const part = PARTS.find(([, form]) => form.test(plain(name)))?.[0];
    if (part && !found.has(part)) found.set(part, name);
  }
  return found;
}

/** The kinds of operations. */
export type Kind =
  | 'register'
  | 'login'
  | 'refresh'
  | 'logout'
  | 'me'
  | 'updateMe'
  | 'deleteMe'
  | 'changePassword'
  | 'forgotPassword'
  | 'resetPassword'
  | 'validate'
  | 'verifyEmail'
  | 'health';

const isOwn = (path: string): boolean =>
  /\/(me|profile|whoami|self|current(-?user)?|userinfo|account)$/i.test(path);

/** Recognizes the kind of an operation by path, name and body fields; null when unknown. */
export function kindOf({ method, path, words, auth, body }: OldOperation): Kind | null {
  const parts = partsOf(body);
  const has = (...names: Part[]) => names.every((name) => parts.has(name));
  const isNamed = has('email') || has('username') || has('identifier');
  const isOpen = auth === 'none' || auth === 'unsaid';
  if (path.includes('{')) return null;
  if (method === 'get') {
    if (auth !== 'none' && isOwn(path)) return 'me';
    return /\/(health|healthz|ping|status|ready|live)$/.test(path) && isOpen ? 'health' : null;
  }
  if ((auth === 'bearer' || auth === 'unsaid') && isOwn(path)) {
    if (method === 'delete') return 'deleteMe';
    if (method !== 'post' && !has('password')) return 'updateMe';
  }
  if (/log-?out|sign-?out/.test(words) || (method === 'delete' && /\/sessions?$/.test(path))) return 'logout';
  if (method === 'delete') return null;
  if (has('token') && (has('password') || has('newPassword'))) return 'resetPassword';
  if (has('currentPassword') && (has('newPassword') || has('password')))
    return auth === 'none' ? null : 'changePassword';
  if (has('refreshToken') && !has('password')) return 'refresh';
  if (method !== 'post') return null;
  if (has('password') && isNamed) {
    if (/regist|sign-?up/.test(words)) return 'register';
    // A registration that needs a token creates accounts for others.
    if (isOpen && /enrol|join|create/.test(words)) return 'register';
    if (/log-?in|sign-?in|\btoken\b|session|authenticate|\/auth\b/.test(words)) return 'login';
    return isOpen && /\/(users|accounts)$/.test(path) ? 'register' : null;
  }
  if (has('email') && /forgot|reset|recover/.test(words)) return 'forgotPassword';
  if (has('token') && parts.size === 1) {
    if (/e-?mail|account.*verif|activat|confirm/.test(words)) return 'verifyEmail';
    if (/validat|verif|introspect|check/.test(words)) return 'validate';
  }
  return null;
}

const NEEDED: Partial<Record<Kind, Part[][]>> = {
  register: [['email'], ['password']],
  login: [['identifier', 'email', 'username'], ['password']],
  refresh: [['refreshToken']],
  changePassword: [['currentPassword'], ['newPassword', 'password']],
  forgotPassword: [['email']],
  resetPassword: [['token'], ['newPassword', 'password']],
  verifyEmail: [['token']],
  validate: [['token']],
};

/**
 * Marks the fields that an operation needs as required, if the document marks none: generators often leave that out.
 * Where several fields have the same meaning, none becomes required.
 */
export function withRequired(kind: Kind, body: Schema): Schema {
  if (body.required && body.required.length > 0) return body;
  const parts = partsOf(body);
  const required = (NEEDED[kind] ?? []).flatMap((names) => {
    const matching = names.flatMap((name) => parts.get(name) ?? []);
    return matching.length === 1 || names[0] === 'newPassword' ? matching.slice(0, 1) : [];
  });
  return { ...body, required };
}
