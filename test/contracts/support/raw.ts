/** Requests that no well-behaved client sends, and what the replies must be. */
import http from 'node:http';
import type { Contract } from '../../../src/http/contracts/contract.ts';

export interface RawReply {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
}

export interface RawRequest {
  method: string;
  /** As sent, after the prefix of the contract. */
  path: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer | undefined;
}

/** Sends to a contract below its prefix, byte for byte. */
export function rawSender(port: number, { name }: Contract): (request: RawRequest) => Promise<RawReply> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  return ({ method, path, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
      const options = {
        port,
        agent,
        method,
        path: `/contracts/${name}${path}`,
        headers: { ...headers, ...length },
      };
      const request = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const { statusCode: status = 0 } = response;
          resolve({ status, headers: response.headers, text: Buffer.concat(chunks).toString() });
        });
      });
      request.on('error', reject);
      request.end(body);
    });
}

/** What is wrong with a refusal, or null. @param statuses the allowed statuses. */
export function problemWith(
  contract: Contract,
  { status, headers, text }: RawReply,
  statuses: number[],
): string | null {
  const shown = `${status} ${text.slice(0, 200)}`;
  if (!statuses.includes(status)) return `not ${statuses.join(' or ')}: ${shown}`;
  if (status < 400) return null;
  if (!headers['content-type']?.startsWith('application/json')) return `no JSON: ${shown}`;
  if (!contract.refusalSchema.safeParse(JSON.parse(text)).success) return `not the door's shape: ${shown}`;
  if (status === 401 && !headers['www-authenticate']) return `no WWW-Authenticate: ${shown}`;
  if (status === 405 && !headers.allow) return `no Allow: ${shown}`;
  return null;
}
