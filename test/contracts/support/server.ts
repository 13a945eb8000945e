/** Postern with its contracts, and clients that check every reply. */
import http from 'node:http';
import { systemActor } from '../../../src/core/actor.ts';
import type { Visitor } from '../../../src/http/contracts/conformance.ts';
import { createVisitor, type Send, sendByFetch } from '../../../src/http/contracts/conformance-run.ts';
import { documentOf } from '../../../src/http/contracts/document.ts';
import type { Contract } from '../../../src/http/contracts/contract.ts';
import { openapiOf } from '../../../src/http/endpoints/openapi.ts';
import { undocumentedStatus } from '../../support/openapi.ts';
import { builtInContracts as allContracts } from '../../../src/http/contracts/registry.ts';
import { type Provider, type ProviderOptions, startProvider } from '../../oidc/support/provider.ts';

export { STORES } from '../../oidc/support/provider.ts';
export { allContracts };

export interface ContractServer extends Provider {
  /** An operator's key with all permissions. */
  apiKey: string;
  /** A client of a contract below its prefix. */
  visitor(name: string): Visitor;
}

/** These tests send many requests and failures from one address. The default limits would stop them. */
const GENEROUS = {
  lockout: { source: { attempts: 100_000 }, account: { attempts: 100_000 } },
  contracts: {
    limits: {
      credentials: { requests: 100_000 },
      ordinary: { requests: 100_000 },
      program: { requests: 100_000 },
    },
  },
};

interface ContractServerOptions extends ProviderOptions {
  /** Overrides settings of contracts. */
  contracts?: object;
}

export async function startContractServer({
  contracts,
  settings,
  ...options
}: ContractServerOptions = {}): Promise<ContractServer> {
  const provider = await startProvider({
    ...options,
    settings: { ...GENEROUS, ...settings, contracts: { ...GENEROUS.contracts, ...contracts } },
  });
  const apiKey = await createKey(provider);
  return {
    ...provider,
    apiKey,
    visitor: (name) => visitorAt(name, `${provider.url}/contracts/${name}`, apiKey),
  };
}

/** An API key of the operator. */
export async function createKey({ operator }: Provider, wish: object = {}): Promise<string> {
  return (await operator.apiKeys.create({ name: 'tests', ...wish }, systemActor)).key;
}

export function contractOf(name: string): Contract {
  const contract = allContracts.find((candidate) => candidate.name === name);
  if (!contract) throw new Error(`no door ${name}`);
  return contract;
}

/** A client of a contract at `url`. */
export const visitorAt = (
  name: string,
  url: string,
  apiKey: string | undefined,
  send: Send = inOrder(name),
): Visitor => createVisitor({ contract: contractOf(name), url, apiKey, send });

/**
 * Sends by fetch and checks every reply against the contract's schemas: its bytes must be what the schema
 * writes, including the order
 * of names, and the OpenAPI document must list its status.
 */
export function inOrder(name: string, send: Send = sendByFetch): Send {
  const { operations, refusalSchema } = contractOf(name);
  const openapi = openapiOf(documentOf(contractOf(name), { minLength: 8, maxLength: 128 }), '/');
  const schemas = [...operations.flatMap(({ replies }) => Object.values(replies)), refusalSchema];
  return async (request) => {
    const reply = await send(request);
    const isJson = reply.headers.get('content-type')?.startsWith('application/json');
    if (isJson && !request.url.endsWith('/openapi.json')) {
      const body: unknown = JSON.parse(reply.text);
      const written = schemas.map((schema) => JSON.stringify(schema?.safeParse(body).data));
      if (!written.includes(reply.text)) throw new Error(`no schema of ${name} writes ${reply.text}`);
    }
    const undocumented = undocumentedStatus(openapi, request, reply);
    if (undocumented !== null) throw new Error(undocumented);
    return reply;
  };
}

/** Sends to `port` like a client that knows the service as `host`. */
export const sendToHost =
  (port: number, host: string): Send =>
  ({ method, url, headers, body }) =>
    new Promise((resolve, reject) => {
      const { pathname, search } = new URL(url);
      const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
      const options = {
        port,
        method,
        path: `${pathname}${search}`,
        headers: { ...headers, ...length, Host: host },
      };
      const request = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const pairs = Object.entries(response.headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value]),
          );
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: new Headers(pairs), text });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
