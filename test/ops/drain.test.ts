import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { json } from '../cli/support/commands.ts';
import { until } from '../support/until.ts';
import { type Postern, startPostern } from '../support/postern.ts';
import { createDatabase } from '../support/postgres.ts';

interface Service {
  client_id: string;
  client_secret: string;
}

const BODY = 'grant_type=client_credentials';

/** A connection on which the test decides when each byte is sent. */
class Wire {
  readonly #socket: Socket;
  received = '';

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.on('error', () => undefined).on('data', (data) => (this.received += data.toString()));
  }

  send(text: string): void {
    this.#socket.write(text);
  }

  async closed(): Promise<string> {
    if (!this.#socket.closed) await once(this.#socket, 'close');
    return this.received;
  }
}

const isRefused = (port: number): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/livez`).then(
    () => false,
    () => true,
  );

async function start(workers: number, drain = 25): Promise<{ postern: Postern; service: Service }> {
  const { url: databaseUrl } = await createDatabase();
  const postern = await startPostern({
    databaseUrl,
    settings: { http: { drain } },
    env: { WEB_CONCURRENCY: String(workers) },
  });
  const args = ['client', 'create', '--name', 'Service', '--grant', 'client_credentials'];
  return { postern, service: await json<Service>(args, { env: postern.env }) };
}

/** A token request without its body. */
const head = ({ client_id, client_secret }: Service): string =>
  [
    'POST /oauth2/token HTTP/1.1',
    'Host: localhost',
    `Authorization: Basic ${btoa(`${client_id}:${client_secret}`)}`,
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${BODY.length}`,
    '\r\n',
  ].join('\r\n');

describe.each([1, 2])('a server of %i processes that is stopped', (workers) => {
  let postern: Postern;
  let service: Service;
  beforeEach(async () => {
    ({ postern, service } = await start(workers));
  });

  it('answers a request whose body is still arriving, then closes the connection', async () => {
    const slow = new Wire(postern.port);
    slow.send(head(service) + BODY.slice(0, 5));
    const idle = new Wire(postern.port);
    idle.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => idle.received.includes('ok'));
    const stopped = postern.stop('SIGTERM');
    await until(() => isRefused(postern.port));
    idle.send('GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => idle.received.includes('draining'));
    expect(idle.received).toMatch(/HTTP\/1\.1 503 .*"status":"draining"/s);
    slow.send(BODY.slice(5));
    const reply = await slow.closed();
    expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(reply).toMatch(/^Connection: close\r$/m);
    expect(reply).toContain('access_token');
    await expect(stopped).resolves.toEqual({ code: 0, signal: null });
  });

  it.each([
    ['on kept-alive connections', true],
    ['on new connections', false],
  ])('loses none of many requests %s', async (_how, keepAlive) => {
    const agent = new Agent({ keepAlive, maxSockets: 16 });
    const failures: string[] = [];
    let answered = 0;
    const ask = (): Promise<boolean> =>
      new Promise((resolve) => {
        const options = {
          port: postern.port,
          agent,
          method: 'POST',
          path: '/oauth2/token',
          auth: `${service.client_id}:${service.client_secret}`,
          headers: { 'Host': 'localhost', 'Content-Type': 'application/x-www-form-urlencoded' },
        };
        const sent = request(options, (res: IncomingMessage) => {
          answered += 1;
          if (res.statusCode !== 200) failures.push(`status ${res.statusCode}`);
          res.resume().once('end', () => resolve(true));
        });
        sent.once('error', (error: NodeJS.ErrnoException) => {
          // The port is closed: this request was never accepted.
          if (error.code !== 'ECONNREFUSED') failures.push(String(error.code));
          resolve(false);
        });
        sent.end(BODY);
      });
    const clients = Array.from({ length: 16 }, async () => {
      while (await ask());
    });
    await until(() => answered > 50);
    await expect(postern.stop('SIGTERM')).resolves.toEqual({ code: 0, signal: null });
    await Promise.all(clients);
    agent.destroy();
    expect(failures).toEqual([]);
  });
});

it('a stopping server cuts off requests after http.drain, and says so', async () => {
  const { postern, service } = await start(1, 2);
  const stuck = new Wire(postern.port);
  stuck.send(head(service) + BODY.slice(0, 5));
  const other = new Wire(postern.port);
  other.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => other.received.includes('ok'));
  await expect(postern.stop('SIGTERM')).resolves.toEqual({ code: 0, signal: null });
  await expect(stuck.closed()).resolves.toBe('');
  await until(() => postern.output().includes('were aborted'));
});
