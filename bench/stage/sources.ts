import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify, parse } from 'yaml';
import { Connection } from '../client/connection.ts';
import { newStranger } from '../client/stranger.ts';
import { importedPassword } from '../imported.ts';
import type { Target } from '../client/target.ts';

/** Writes Postern's settings with a legacy source at `port`. @returns the file. */
export function withSource(settings: string, port: number): string {
  const file = settings.replace(/\.yaml$/, `-source-${port}.yaml`);
  const content = {
    ...(parse(readFileSync(settings, 'utf8')) as object),
    outbound: { allow: ['127.0.0.1'] },
    legacy: {
      sources: [
        {
          name: 'old',
          http: {
            url: `http://127.0.0.1:${port}/login`,
            encoding: 'form',
            body: { login: '{identifier}', password: '{password}' },
            account: { source_id: 'user.id', username: 'user.login', email: 'user.mail' },
          },
          concurrency: 100,
        },
      ],
    },
  };
  writeFileSync(file, stringify(content));
  return file;
}

/** A source that accepts every connection and never replies. */
export async function startMuteSource(): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Starts five logins a second of people whom only the source may know. @returns a function that stops them. */
export async function keepTrying(target: Target): Promise<() => Promise<void>> {
  const connections = Array.from({ length: 4 }, () => new Connection(target));
  const end = new AbortController();
  const trying = connections.map(async (connection) => {
    const stranger = await newStranger(target, connection);
    while (!end.signal.aborted) {
      const message = stranger.form({ identifier: `mover-${randomUUID()}`, password: importedPassword });
      await connection.post('/sign-in', message);
      await sleep(800);
    }
  });
  return async () => {
    end.abort();
    await Promise.allSettled(trying);
    await Promise.all(connections.map((connection) => connection.close()));
  };
}
