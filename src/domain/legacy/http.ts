/** Sources over HTTP: by a mapping, or by one of the contracts. */
import type { AccountPlaces, LegacySourceSettings } from '../../config/index.ts';
import { unverifiedClaims } from '../../core/tokens.ts';
import { CONTRACT_LOGINS } from './contracts.ts';
import { isContent, nonsense, recordAt, valueAt } from './records.ts';
import { type LegacySource, type ShownToken, SourceError } from './source.ts';

/** Like `fetch`: to public addresses over https or those in `outbound.allow`, bounded, without following redirects. */
export type GuardedFetch = typeof globalThis.fetch;

type Settings<K> = Extract<LegacySourceSettings, { kind: K }>;
type Request = Settings<'http'>['login'];
type MappedProfile = NonNullable<Settings<'http'>['profile']>;
type Values = Partial<Record<'identifier' | 'password' | 'source_id' | 'token', string>>;

const PLACEHOLDER = /\{(identifier|password|source_id|token)\}/g;

/** Fills in the placeholders of every text in `value`. */
function filled(value: unknown, values: Values): unknown {
  if (typeof value === 'string')
    return value.replaceAll(PLACEHOLDER, (all, name: keyof Values) => values[name] ?? all);
  if (Array.isArray(value)) return value.map((one) => filled(one, values));
  if (!isContent(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one, values)]));
}

/** Statuses of a refused login. Any other failure status means trouble at the source. */
const REFUSALS = new Set([400, 401, 403, 404, 409, 410, 422, 423]);

interface Reply {
  status: number;
  text: string;
}

/** Sends one request. @throws SourceError for no reply, and for an unexpected one. */
function createSend(fetch: GuardedFetch) {
  return async (url: string, init: RequestInit, isSuccess: (status: number) => boolean): Promise<Reply> => {
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (error) {
      const { name, message } = error as Error;
      const aborted = init.signal?.aborted === true ? (init.signal.reason as Error) : undefined;
      if (aborted && aborted.name !== 'TimeoutError') throw aborted;
      if (aborted || name === 'TimeoutError') throw new SourceError('timeout', 'no answer in time');
      if (/more than \d+ bytes/.test(message)) throw new SourceError('too_large', message);
      // Undici's own message may reveal the request.
      throw new SourceError('unreachable', name === 'OutboundRefused' ? message : 'no connection');
    }
    const { status } = response;
    if (!isSuccess(status) && !REFUSALS.has(status)) {
      if (status >= 300 && status < 400) throw new SourceError('redirect', `it redirects (${status})`);
      throw new SourceError('status', `it answers ${status}`);
    }
    return { status, text: await response.text() };
  };
}

/** @throws SourceError when it is not a JSON object. */
function contentOf(reply: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(reply);
    if (isContent(content)) return content;
  } catch {
    // Don't quote the value: it may be personal.
  }
  return nonsense('its reply is not a JSON object');
}

function writtenBody({ body, encoding }: Request, values: Values) {
  if (body === undefined) return {};
  const content = filled(body, values) as Record<string, unknown>;
  if (encoding === 'json') return { body: JSON.stringify(content), type: 'application/json' };
  const form = new URLSearchParams(
    Object.entries(content).map(([name, value]): [string, string] => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  return { body: form.toString(), type: 'application/x-www-form-urlencoded' };
}

/** Sends configured requests. */
function createAsk(fetch: GuardedFetch) {
  const send = createSend(fetch);
  return (request: Request, values: Values, signal: AbortSignal | undefined) => {
    const { body, type } = writtenBody(request, values);
    // Never put a password or token in a URL: URLs are logged everywhere.
    const url = request.url.replaceAll(/\{(identifier|source_id)\}/g, (all, name: keyof Values) =>
      values[name] === undefined ? all : encodeURIComponent(values[name]),
    );
    const headers = filled(request.headers, values) as Record<string, string>;
    return send(
      url,
      {
        method: request.method,
        headers: { Accept: 'application/json', ...(type && { 'Content-Type': type }), ...headers },
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
      },
      (status) => request.success.includes(status),
    );
  };
}

/** Whether a service says that an account has this name. */
const createExists =
  (ask: ReturnType<typeof createAsk>, exists: Request) =>
  async (identifier: string, signal?: AbortSignal): Promise<boolean> => {
    const { status, text } = await ask(exists, { identifier }, signal);
    if (!exists.success.includes(status)) return false;
    // A list needs an element; an object always counts.
    const content: unknown = /^\s*[[{]/.test(text) ? JSON.parse(text) : true;
    return Array.isArray(content) ? content.length > 0 : true;
  };

/** The account of a token by a mapping; null when the request needs an access token and there is none. */
function createProfile(ask: ReturnType<typeof createAsk>, { account, ...configured }: MappedProfile) {
  const text = JSON.stringify(configured);
  const isById = text.includes('{source_id}');
  const needsToken = text.includes('{token}') || !isById;
  const headers: Record<string, string> =
    text.includes('{token}') || isById ? {} : { Authorization: 'Bearer {token}' };
  const request = { ...configured, headers: { ...headers, ...configured.headers } };
  return async ({ sourceId, kind, token }: ShownToken, signal: AbortSignal) => {
    if (needsToken && kind !== 'access') return null;
    const reply = await ask(request, { source_id: sourceId, token }, signal);
    return request.success.includes(reply.status) ? recordAt(contentOf(reply.text), account) : null;
  };
}

/** A source by a mapping. */
export function createMappedSource(
  { login, exists, profile, account }: Settings<'http'>,
  fetch: GuardedFetch,
): LegacySource {
  const ask = createAsk(fetch);
  return {
    async authenticate({ identifier, password, signal }) {
      const { status, text } = await ask(login, { identifier, password }, signal);
      // Many services refuse with 200 and an error inside: there is no account in it.
      return login.success.includes(status) ? recordAt(contentOf(text), account) : null;
    },
    ...(exists && { exists: createExists(ask, exists) }),
    ...(profile && { profile: createProfile(ask, profile) }),
    close: () => Promise.resolve(),
  } satisfies LegacySource;
}

/**
 * The URL of a contract's path. An end of `base` that equals the beginning of the path is not repeated: for https://old.example
 * and https://old.example/api/v1 alike, /api/v1/auth/login is found.
 */
export function urlAt(base: string, path: string): string {
  const url = new URL(base);
  const segments = (text: string) => text.split('/').filter(Boolean);
  const [head, tail] = [segments(url.pathname), segments(path)];
  const isShared = (length: number) =>
    head.slice(head.length - length).join('/') === tail.slice(0, length).join('/');
  const shared = tail
    .map((_one, at) => at + 1)
    .findLast((length) => length <= head.length && isShared(length));
  url.pathname = [...head, ...tail.slice(shared ?? 0)].join('/');
  return url.href;
}

const isOk = (status: number): boolean => status >= 200 && status < 300;

const isId = (value: unknown): value is string | number =>
  typeof value === 'string' || typeof value === 'number';

/** The account's id in an access token. */
function idIn(token: string): string | null {
  const claims = unverifiedClaims(token) ?? {};
  const id = ['sub', 'user_id', 'userId', 'id', 'identity', 'uid'].map((name) => claims[name]).find(isId);
  return id === undefined ? null : String(id);
}

/** A source that speaks one of the contracts: logs in, then reads the profile. */
export function createContractSource(
  { contract, url, apiKey, exists }: Settings<'contract'>,
  fetch: GuardedFetch,
): LegacySource {
  const { basePath, login, token, profile, account, byToken, refresh } = CONTRACT_LOGINS[contract];
  const send = createSend(fetch);
  const headers = {
    'Accept': 'application/json',
    'Content-Type': 'application/json',
    ...(apiKey !== null && { 'X-API-Key': apiKey }),
  };

  /** The reply to a request for an account by access token; null when refused. */
  const profileBy = async (
    accessToken: string,
    id: string | null,
    where: { path: string; account: AccountPlaces },
    signal: AbortSignal | undefined,
  ) => {
    if (where.path.includes('{id}') && id === null)
      nonsense('its access token does not name its account, which this contract needs');
    const path = `${basePath}${where.path.replace('{id}', encodeURIComponent(id ?? ''))}`;
    const init = {
      headers: { ...headers, Authorization: `Bearer ${accessToken}` },
      ...(signal && { signal }),
    };
    const answer = await send(urlAt(url, path), init, isOk);
    return isOk(answer.status) ? { record: recordAt(contentOf(answer.text), where.account) } : null;
  };

  const tellOf = async (reply: Record<string, unknown>, signal: AbortSignal | undefined) => {
    if (!profile) return recordAt(reply, account);
    const accessToken = valueAt(reply, token);
    if (typeof accessToken !== 'string') return null;
    const id = idIn(accessToken);
    const told = await profileBy(accessToken, id, { path: profile, account }, signal);
    if (!told)
      throw new SourceError(
        'status',
        `it does not return the profile of the signed-in account at ${profile}`,
      );
    const { record } = told;
    if (record === null) return nonsense('its profile has no id');
    const known = [reply['userId'], profile.includes('{id}') ? id : null];
    if (known.some((one) => isId(one) && String(one) !== String(record['source_id'])))
      throw new SourceError('another_account', 'its login and its profile name different accounts');
    return record;
  };

  /** The access token that a refresh token is exchanged for; null when refused. */
  const refreshed = async (refreshToken: string, signal: AbortSignal) => {
    if (!refresh) return null;
    const { body, headers: more } = refresh.send(refreshToken);
    const init = {
      method: 'POST',
      headers: { ...headers, ...more },
      ...(body && { body: JSON.stringify(body) }),
      signal,
    };
    const { status, text } = await send(urlAt(url, `${basePath}${refresh.path}`), init, isOk);
    const accessToken = isOk(status) ? valueAt(contentOf(text), token) : null;
    return typeof accessToken === 'string' ? accessToken : null;
  };

  return {
    async authenticate({ identifier, password, signal }) {
      const body = JSON.stringify(login.body(identifier, password));
      const init = { method: 'POST', headers, body, ...(signal && { signal }) };
      const { status, text } = await send(urlAt(url, `${basePath}${login.path}`), init, isOk);
      return isOk(status) ? tellOf(contentOf(text), signal) : null;
    },
    ...(exists && { exists: createExists(createAsk(fetch), exists) }),
    async profile(shown, signal) {
      const accessToken = shown.kind === 'access' ? shown.token : await refreshed(shown.token, signal);
      if (accessToken === null) return null;
      const where = byToken ?? { path: profile ?? '', account };
      return (await profileBy(accessToken, shown.sourceId, where, signal))?.record ?? null;
    },
    close: () => Promise.resolve(),
  };
}
