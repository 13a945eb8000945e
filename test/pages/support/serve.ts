import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Koa, { type Context } from 'koa';
import type { Language } from '../../../src/core/languages.ts';
import { consoleSentences } from '../../../src/http/pages/console-sentences.ts';
import { addSentences } from '../../../src/http/pages/i18n.ts';
import { createRenderer, type Renderer } from '../../../src/http/pages/render.ts';
import { listenUntilEnd } from '../../support/listen.ts';

addSentences(consoleSentences);

interface Options {
  name?: string;
  color?: string;
  logo?: string | null;
  languages?: Language[];
  publicUrl?: string;
  production?: boolean;
}

/**
 * Serves pages on loopback until the end of the test file.
 * @param handle answers everything but assets.
 * @returns the origin.
 */
export async function servePages(
  handle: (ctx: Context, renderer: Renderer) => void | Promise<void>,
  {
    name = 'Postern',
    color = '#2f5bea',
    logo = null,
    languages = ['en', 'de', 'es', 'zh'],
    ...more
  }: Options = {},
): Promise<string> {
  const { publicUrl = 'http://localhost:8000', production = false } = more;
  const renderer = createRenderer({
    settings: { name, brand: { color, logo }, languages },
    publicUrl,
    production,
  });
  const app = new Koa({ keys: ['of signed cookies'] });
  app.silent = true;
  app.use(renderer.assets);
  app.use((ctx) => handle(ctx, renderer));
  const server = createServer((request, reply) => void app.callback()(request, reply));
  await listenUntilEnd(server, 0, '127.0.0.1');
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}
