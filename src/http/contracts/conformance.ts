import { randomBytes } from 'node:crypto';
import type { z } from 'zod';

/**
 * What every contract must refuse, with its own error format.
 * @param section the heading of the document that shows the format.
 * @param path of an operation that has only POST, and reads JSON.
 */
export const refusalCases = (section: string, path: string): Case[] => [
  {
    section,
    name: 'answers 404 where there is nothing',
    run: async (visitor) => void (await visitor.send('GET', `${path}/no-such-thing`, {}, { status: 404 })),
  },
  {
    section,
    name: 'answers 405 with Allow to a method that is not there',
    async run(visitor) {
      await visitor.send('PATCH', path, {}, { status: 405, headers: { Allow: /\bPOST\b/ } });
    },
  },
  {
    section,
    name: 'answers 400 to a body that is no JSON',
    run: async (visitor) => void (await visitor.send('POST', path, { raw: '{"' }, { status: 400 })),
  },
  {
    section,
    name: 'answers 400 to a body without what is required',
    run: async (visitor) => void (await visitor.send('POST', path, { body: {} }, { status: 400 })),
  },
];

/** A page of interactive documentation. */
export const pageCase = (section: string, path: string): Case => ({
  section,
  name: `shows the documentation at ${path}`,
  async run(visitor) {
    await visitor.get(path, 200);
  },
});

/** The vocabulary of a contract's conformance cases, which `postern contract verify` and the tests run. */

/** One requirement of the document. A case creates its own accounts and depends on no other case. */
export interface Case {
  /** The document's heading for it. */
  section: string;
  /** The requirement in a few words. */
  name: string;
  /** @throws Mismatch when the server does otherwise. */
  run(visitor: Visitor): Promise<void>;
}

/** The request of a case, besides the operation's method and path. */
export interface Sent {
  params?: Record<string, string>;
  /** As JSON. */
  body?: unknown;
  /** An access token. */
  bearer?: string;
  /** In place of the operator's key; null sends none. */
  apiKey?: string | null;
  headers?: Record<string, string>;
  /** The account that it creates. It is removed after the case, even when the reply is wrong. */
  makes?: CaseAccount;
}

export interface Expected {
  status: number;
  /** Expected fields of the body; undefined for a field that must be absent. */
  body?: object;
  headers?: Record<string, string | RegExp>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
  /** The string in the body at a dotted path. @throws Mismatch when missing. */
  text(path: string): string;
  /** Any value in the body at a dotted path. @throws Mismatch when missing. */
  value(path: string): unknown;
}

/** An account created by a case; its identifiers may change. */
export interface CaseAccount {
  email: string;
}

/** A client of the server under test. */
export interface Visitor {
  /** Says how to remove an account that a case has created. */
  removeBy(account: CaseAccount, remove: () => Promise<unknown>): void;
  /** Says that the case itself has removed the account. */
  gone(account: CaseAccount): void;
  /**
   * Calls an operation. The reply must have the expected status, match the document's strict schema, and contain the
   * expected values. @throws Mismatch otherwise.
   */
  call(operation: string, sent: Sent, expected: Expected): Promise<Answer>;
  /** Gets a page or a document by its path. @throws Mismatch for another status. */
  get(path: string, status: number, schema?: z.ZodType): Promise<Answer>;
  /** Sends a request that no operation accepts; the refusal must have the contract's error format. @throws Mismatch. */
  send(method: string, path: string, sent: Sent & { raw?: string }, expected: Expected): Promise<Answer>;
}

/** The server deviates from the document. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

/** Names that no other run has used, and a password that does not contain them. */
export function newPerson(): { username: string; email: string; password: string } {
  const id = randomBytes(6).toString('hex');
  const password = `Quiet ${randomBytes(9).toString('base64url')} harbour`;
  return { username: `case-${id}`, email: `case-${id}@example.com`, password };
}

/** A string that is not a valid token. */
export const NO_TOKEN = 'not.a.token';
