/** Serves the SPA: four static files, and where its provider is. All that signs people in is in public/app.js. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import Koa from 'koa';
import { listen, type Listening } from '../shared/listen.ts';
import { stylesheet } from '../shared/stylesheet.ts';

export interface SpaOptions {
  issuer: string;
  clientId: string;
  port: number;
}

const FOLDER = path.join(import.meta.dirname, 'public');
const require = createRequire(import.meta.url);
const LIBRARY = path.dirname(require.resolve('oidc-client-ts/package.json'));
const FILES: Record<string, { file: string; type: string }> = {
  '/': { file: path.join(FOLDER, 'index.html'), type: 'html' },
  '/callback': { file: path.join(FOLDER, 'index.html'), type: 'html' },
  '/app.js': { file: path.join(FOLDER, 'app.js'), type: 'text/javascript' },
  '/oidc-client-ts.js': {
    file: path.join(LIBRARY, 'dist/browser/oidc-client-ts.min.js'),
    type: 'text/javascript',
  },
};

export function startSpa({ issuer, clientId, port }: SpaOptions): Promise<Listening> {
  const app = new Koa();
  app.use(async (ctx, next) => {
    // Tokens are in this page: no script but its own runs in it, and it speaks to nobody but the provider.
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      'img-src data:',
      `connect-src 'self' ${issuer}`,
      "form-action 'none'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
      "require-trusted-types-for 'script'",
    ];
    ctx.set({ 'Content-Security-Policy': policy.join('; '), 'Referrer-Policy': 'no-referrer' });
    await next();
  });
  app.use(stylesheet);
  app.use(async (ctx) => {
    const known = FILES[ctx.path];
    if (ctx.path === '/config.json') ctx.body = { issuer, clientId };
    else if (known) {
      ctx.type = known.type;
      ctx.body = await readFile(known.file);
    }
  });
  return listen(app, port);
}
