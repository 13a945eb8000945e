/** A legacy service that answers every request at once with one account, as a process or as a thread of `shadow`. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMainThread, parentPort } from 'node:worker_threads';
import { serverSettings } from './settings.ts';

const BODY = JSON.stringify({ status: 'UP', service: 'auth', details: 'x'.repeat(600) });
const server = http.createServer((_req, res) => {
  res.setHeader('Content-Type', 'application/json');
  res.end(BODY);
});
server.listen(isMainThread ? serverSettings().port : 0, '127.0.0.1');
await once(server, 'listening');
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin.
parentPort?.postMessage((server.address() as AddressInfo).port);
