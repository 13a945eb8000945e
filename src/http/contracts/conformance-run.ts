import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import {
  type Answer,
  type CaseAccount,
  type Expected,
  Mismatch,
  type Sent,
  type Visitor,
} from './conformance.ts';
import type { Contract, Operation } from './contract.ts';

export interface HttpRequest {
  method: string;
  /** Includes the base URL. */
  url: string;
  headers: Record<string, string>;
  body?: string;
}

export interface HttpReply {
  status: number;
  headers: Headers;
  text: string;
}

/** Sends one request; redirects are not followed. */
export type Send = (request: HttpRequest) => Promise<HttpReply>;

/** Milliseconds; `cookie` documents it. */
const TIMEOUT = 30_000;

export const sendByFetch: Send = async ({ url, ...request }) => {
  const reply = await fetch(url, { ...request, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) });
  return { status: reply.status, headers: reply.headers, text: await reply.text() };
};

interface Options {
  contract: Contract;
  /** The base URL of the contract's mount: what precedes the documented base path, without a trailing slash. */
  url: string;
  /** The operator's key, for a contract that needs one. */
  apiKey?: string | undefined;
  send: Send;
}

/** A client of a contract at `url` that checks every reply. */
export function createVisitor({ contract, url, apiKey, send }: Options): Visitor & {
  /** Removes the accounts created so far. @returns those that could not be removed. */
  cleanUp(): Promise<CaseAccount[]>;
} {
  const accounts = new Map<CaseAccount, (() => Promise<unknown>) | undefined>();
  const exchange = async (
    method: string,
    path: string,
    { body, bearer, headers = {}, apiKey: ownKey, raw }: Sent & { raw?: string },
    wantsKey: boolean,
  ): Promise<Exchange> => {
    const key = ownKey === undefined && wantsKey ? apiKey : ownKey;
    const text = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const request: HttpRequest = {
      method: method.toUpperCase(),
      url: `${url}${path}`,
      headers: {
        ...(text === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
        ...(typeof key === 'string' ? { 'X-API-Key': key } : {}),
        ...headers,
      },
      ...(text === undefined ? {} : { body: text }),
    };
    return new Exchange(request, await send(request));
  };
  const anyKeyed = contract.operations.some(({ auth }) => auth === 'apiKey');

  return {
    removeBy: (account, remove) => void accounts.set(account, remove),
    gone: (account) => void accounts.delete(account),
    async cleanUp() {
      const left: CaseAccount[] = [];
      for (const [account, remove] of accounts) {
        const isRemoved =
          remove !== undefined &&
          (await remove().then(
            () => true,
            () => false,
          ));
        if (!isRemoved) left.push(account);
      }
      accounts.clear();
      return left;
    },
    async call(id, sent, expected) {
      const operation = contract.operations.find((candidate) => candidate.id === id);
      if (!operation) throw new Error(`${contract.name} has no operation ${id}`);
      const path = `${contract.basePath}${pathOf(operation, sent.params ?? {})}`;
      const done = await exchange(operation.method, path, sent, operation.auth === 'apiKey');
      if (sent.makes && done.status < 300) accounts.set(sent.makes, undefined);
      return done.answer(expected, schemaOf(contract, operation, done.status));
    },
    async get(path, status, schema) {
      return (await exchange('get', path, {}, false)).answer({ status }, schema);
    },
    async send(method, path, sent, expected) {
      const done = await exchange(method, path, sent, anyKeyed);
      return done.answer(expected, done.status < 400 ? undefined : contract.refusalSchema);
    },
  };
}

const pathOf = ({ path }: Operation, params: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(params[name] ?? ''));

/** The schema of an operation's reply; null when it must be empty. */
function schemaOf(contract: Contract, operation: Operation, status: number): z.ZodType | null {
  const schema = operation.replies[status];
  return schema === undefined ? contract.refusalSchema : schema;
}

/** One request with its reply. */
class Exchange {
  readonly #request: HttpRequest;
  readonly #reply: HttpReply;

  constructor(request: HttpRequest, reply: HttpReply) {
    this.#request = request;
    this.#reply = reply;
  }

  get status(): number {
    return this.#reply.status;
  }

  /** Checks a reply against the expectation and returns it. @param schema absent for a reply that is not JSON. */
  answer({ status, body: part, headers: wanted = {} }: Expected, schema?: z.ZodType | null): Answer {
    const { headers, text } = this.#reply;
    if (this.status !== status) this.#fail(`the status is ${this.status}, not ${status}`);
    for (const [name, value] of Object.entries(wanted)) {
      const got = headers.get(name) ?? '';
      const matches = typeof value === 'string' ? got === value : value.test(got);
      if (!matches) this.#fail(`the header ${name} is "${got}", not ${String(value)}`);
    }
    if (schema === null && text !== '') this.#fail('the reply must have no content');
    const body: unknown = schema ? this.#json(schema) : undefined;
    for (const [path, value] of leaves(part ?? {})) {
      const got = at(body, path);
      if (!isDeepStrictEqual(got, value))
        this.#fail(`${path.join('.')} is ${JSON.stringify(got)}, not ${JSON.stringify(value)}`);
    }
    const value = (path: string): unknown => at(body, path.split('.'));
    return {
      status,
      headers,
      body,
      value,
      text: (path) => {
        const found = value(path);
        return typeof found === 'string' ? found : this.#fail(`there is no text in ${path}`);
      },
    };
  }

  #json(schema: z.ZodType): unknown {
    const { headers, text } = this.#reply;
    const type = headers.get('Content-Type') ?? '';
    if (!/^application\/json\b/.test(type)) this.#fail(`the content type is "${type}", not application/json`);
    let body: unknown;
    try {
      body = JSON.parse(text);
    } catch {
      this.#fail('the body is not JSON');
    }
    const parsed = schema.safeParse(body);
    if (parsed.success) return body;
    const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
    return this.#fail(issues.join('; '));
  }

  #fail(what: string): never {
    const { method, url } = this.#request;
    const { text } = this.#reply;
    throw new Mismatch(`${method} ${url}: ${what}\nstatus ${this.status}: ${text.slice(0, 500)}`);
  }
}

/** Every leaf value in `part`, with its path. */
function leaves(part: object, prefix: string[] = []): [path: string[], value: unknown][] {
  return Object.entries(part).flatMap(([name, value]): [string[], unknown][] => {
    const path = [...prefix, name];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? leaves(value as object, path) : [[path, value]];
  });
}

function at(value: unknown, [first, ...rest]: string[]): unknown {
  if (first === undefined) return value;
  if (typeof value !== 'object' || value === null) return undefined;
  return at((value as Record<string, unknown>)[first], rest);
}

export interface CaseResult {
  section: string;
  name: string;
  /** The mismatch; null without one. */
  failure: string | null;
}

export interface Run {
  results: CaseResult[];
  /** Addresses of created accounts that the contract itself cannot delete. */
  left: string[];
}

/**
 * Runs a contract's cases against the server at `url`, one after the other, and removes their accounts.
 * @param url what precedes the document's base path: `http://localhost:8000/contracts/gateway`.
 * @param apiKey the operator's key, for a contract that needs one.
 * @param told called with each case when it ends.
 */
export async function runCases(
  contract: Contract,
  { url, apiKey, send }: { url: string; apiKey?: string | undefined; send: Send },
  told: (result: CaseResult) => void = () => undefined,
): Promise<Run> {
  const visitor = createVisitor({ contract, url: url.replace(/\/$/, ''), apiKey, send });
  const results: CaseResult[] = [];
  const left: string[] = [];
  for (const { section, name, run } of await contract.cases()) {
    const failure = await run(visitor).then(() => null, explain);
    left.push(...(await visitor.cleanUp()).map(({ email }) => email));
    const result = { section, name, failure };
    results.push(result);
    told(result);
  }
  return { results, left };
}

/** Why a case failed: a wrong reply or an unreachable server. */
function explain(error: unknown): string {
  if (error instanceof Mismatch) return error.message;
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
