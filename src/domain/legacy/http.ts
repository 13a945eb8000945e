/** Sources that are asked over HTTP: by a mapping, or in the words of one of the contracts. */
import type { LegacySourceSettings } from '../../config/index.ts';
import { unverifiedClaims } from '../../core/tokens.ts';
import type { RawRecord } from '../imports/record.ts';
import { CONTRACT_LOGINS } from './contracts.ts';
import { isContent, nonsense, recordAt, valueAt } from './records.ts';
import { type LegacySource, SourceError } from './source.ts';

/** As `fetch`: to public addresses over https or to those that `outbound.allow` lists, bounded, without following redirects. */
export type GuardedFetch = typeof globalThis.fetch;

type Settings<K> = Extract<LegacySourceSettings, { kind: K }>;
type Request = Settings<'http'>['login'];
type Values = Record<'identifier' | 'password', string>;

const PLACEHOLDER = /\{(identifier|password)\}/g;

/** Fills in the placeholders of every text in `value`. */
function filled(value: unknown, values: Values): unknown {
  if (typeof value === 'string')
    return value.replaceAll(PLACEHOLDER, (_all, name: keyof Values) => values[name]);
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

/** Sends one request. @throws SourceError for no reply, and for one that cannot be meant. */
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
      // Undici's own words may tell of the request.
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

/** @throws SourceError when it is no JSON object. */
function contentOf(reply: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(reply);
    if (isContent(content)) return content;
  } catch {
    // Don't quote the value: it may be personal.
  }
  return nonsense('its reply is no JSON object');
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

/** A source by a mapping. */
export function createMappedSource(
  { login, exists, account }: Settings<'http'>,
  fetch: GuardedFetch,
): LegacySource {
  const send = createSend(fetch);
  const ask = (request: Request, values: Values, signal: AbortSignal | undefined) => {
    const { body, type } = writtenBody(request, values);
    const encoded = (name: keyof Values) => encodeURIComponent(values[name]);
    // The password stands in no URL: those are logged everywhere.
    const url = request.url.replaceAll('{identifier}', encoded('identifier'));
    return send(
      url,
      {
        method: request.method,
        headers: { Accept: 'application/json', ...(type && { 'Content-Type': type }), ...request.headers },
        ...(body !== undefined && { body }),
        ...(signal && { signal }),
      },
      (status) => request.success.includes(status),
    );
  };
  return {
    async authenticate({ identifier, password, signal }) {
      const { status, text } = await ask(login, { identifier, password }, signal);
      // Many services refuse by 200 with an error inside: there is no account in it.
      return login.success.includes(status) ? recordAt(contentOf(text), account) : null;
    },
    ...(exists && {
      async exists(identifier, signal) {
        const { status, text } = await ask(exists, { identifier, password: '' }, signal);
        if (!exists.success.includes(status)) return false;
        // Of a list the first thing, of an object anything is somebody.
        const content: unknown = /^\s*[[{]/.test(text) ? JSON.parse(text) : true;
        return Array.isArray(content) ? content.length > 0 : true;
      },
    }),
    close: () => Promise.resolve(),
  } satisfies LegacySource;
}

/**
 * The URL of a contract's path. What `base` ends with and the path begins with is the same part of it: both
 * https://old.example and https://old.example/api/v1 are where /api/v1/auth/login is found.
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

/** The account's id as an access token says it. */
function idIn(token: string): string | null {
  const claims = unverifiedClaims(token) ?? {};
  const id = ['sub', 'user_id', 'userId', 'id', 'identity', 'uid'].map((name) => claims[name]).find(isId);
  return id === undefined ? null : String(id);
}

/** A source that speaks one of the contracts: logs in, then reads the profile. */
export function createContractSource(
  { contract, url, apiKey }: Settings<'contract'>,
  fetch: GuardedFetch,
): LegacySource {
  const { basePath, login, token, profile, account } = CONTRACT_LOGINS[contract];
  const send = createSend(fetch);
  const headers = {
    'Accept': 'application/json',
    'Content-Type': 'application/json',
    ...(apiKey !== null && { 'X-API-Key': apiKey }),
  };

  const tellOf = async (reply: Record<string, unknown>, signal: AbortSignal | undefined) => {
    if (!profile) return recordAt(reply, account);
    const accessToken = valueAt(reply, token);
    if (typeof accessToken !== 'string') return null;
    const id = idIn(accessToken);
    if (profile.includes('{id}') && id === null)
      nonsense('its access token does not say whose it is, which this contract has to be asked for');
    const path = `${basePath}${profile.replace('{id}', encodeURIComponent(id ?? ''))}`;
    const init = {
      headers: { ...headers, Authorization: `Bearer ${accessToken}` },
      ...(signal && { signal }),
    };
    const answer = await send(urlAt(url, path), init, isOk);
    if (!isOk(answer.status)) throw new SourceError('status', `it answers ${answer.status} at ${profile}`);
    const record: RawRecord | null = recordAt(contentOf(answer.text), account);
    if (record === null) return nonsense('its profile has no id');
    const known = [reply['userId'], profile.includes('{id}') ? id : null];
    if (known.some((one) => isId(one) && String(one) !== String(record['source_id'])))
      throw new SourceError('another_account', 'its login and its profile are of two accounts');
    return record;
  };

  return {
    async authenticate({ identifier, password, signal }) {
      const body = JSON.stringify(login.body(identifier, password));
      const init = { method: 'POST', headers, body, ...(signal && { signal }) };
      const { status, text } = await send(urlAt(url, `${basePath}${login.path}`), init, isOk);
      return isOk(status) ? tellOf(contentOf(text), signal) : null;
    },
    close: () => Promise.resolve(),
  };
}
