import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Middleware } from 'koa';

const PREFIX = '/assets/';
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.ico': 'image/x-icon',
};

interface Asset {
  body: Buffer;
  type: string;
  hash: string;
}

export interface Assets {
  /** The URL of an asset, with the hash of its content; undefined for an unknown name. */
  url(name: string): string | undefined;
  /** Adds an asset with this content at run time. @returns its URL. */
  put(name: string, body: Buffer): string;
  /** Answers GET and HEAD under /assets/ for the files known at startup; passes on anything else. */
  serve: Middleware;
}

/**
 * Loads the files of `folder` whose types pages use.
 * @param generated more assets, by name.
 */
export function loadAssets(folder: string, generated: Readonly<Record<string, string>>): Assets {
  const files = new Map<string, Asset>();
  const add = (name: string, body: Buffer): void => {
    const type = TYPES[path.extname(name).toLowerCase()];
    if (type)
      files.set(name, {
        body,
        type,
        hash: createHash('sha256').update(body).digest('base64url').slice(0, 16),
      });
  };
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) add(path.relative(folder, file).replaceAll(path.sep, '/'), readFileSync(file));
  }
  for (const [name, text] of Object.entries(generated)) add(name, Buffer.from(text));

  return {
    url(name) {
      const asset = files.get(name);
      return asset && `${PREFIX}${name}?v=${asset.hash}`;
    },
    put(name, body) {
      add(name, body);
      return `${PREFIX}${name}?v=${files.get(name)?.hash ?? ''}`;
    },
    async serve(ctx, next) {
      const asset = ctx.path.startsWith(PREFIX) ? files.get(ctx.path.slice(PREFIX.length)) : undefined;
      if (!asset || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) {
        await next();
        return;
      }
      ctx.status = 200;
      ctx.etag = asset.hash;
      ctx.set({
        // During an upgrade, a page of another version may ask here; don't let that reply be cached.
        'Cache-Control': ctx.query['v'] === asset.hash ? 'public, max-age=31536000, immutable' : 'no-cache',
        'X-Content-Type-Options': 'nosniff',
        'Cross-Origin-Resource-Policy': 'same-origin',
        // An SVG opened directly is a document.
        'Content-Security-Policy': `default-src 'none'; sandbox`,
      });
      if (ctx.fresh) ctx.status = 304;
      else {
        ctx.type = asset.type;
        ctx.body = asset.body;
      }
    },
  };
}
