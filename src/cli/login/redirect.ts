import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../core/errors.ts';

/** Waits on the loopback interface for the browser to come back (RFC 8252 section 7.3). */
export interface Redirect {
  /** The redirect URI. */
  uri: string;
  /** The URL that the browser came back with. @throws StartupError when it does not come within `seconds`. */
  arrival(seconds: number): Promise<URL>;
  close(): void;
}

const PAGE = (title: string) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${title}</title>
<body style="font: 1.1rem system-ui; display: grid; place-content: center; height: 90vh; text-align: center">
<h1>${title}</h1><p>You can close this window and go back to the terminal.</p></body></html>
`;

export async function listenForRedirect(pathname: string): Promise<Redirect> {
  const arrived = Promise.withResolvers<URL>();
  const server = createServer((req, res) => {
    const url = URL.parse(req.url ?? '', uri);
    if (req.method !== 'GET' || url?.pathname !== pathname) {
      res.writeHead(404, { Connection: 'close' }).end();
      return;
    }
    const failed = url.searchParams.has('error');
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Connection': 'close' });
    res.end(PAGE(failed ? 'Not signed in' : 'Signed in'), () => arrived.resolve(url));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`;
  return {
    uri,
    async arrival(seconds) {
      const timer = new AbortController();
      const late = sleep(seconds * 1000, undefined, { signal: timer.signal }).then(() => {
        throw new StartupError(`Nobody signed in within ${seconds / 60} minutes.`);
      });
      try {
        return await Promise.race([arrived.promise, late]);
      } finally {
        late.catch(() => undefined);
        timer.abort();
      }
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
