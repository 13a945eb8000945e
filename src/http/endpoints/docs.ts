import type { Context } from 'koa';
import { docsFile, filesOf, type Viewer } from './docs-files.ts';
import type { Documented } from './endpoint.ts';
import { openapiOf } from './openapi.ts';

/** ReDoc creates its style sheets at run time (styled-components), so that no hash can name them in advance. */
const STYLE: Record<Viewer, string> = {
  swagger: `style-src 'self'`,
  redoc: `style-src 'unsafe-inline'`,
};

/** The minimal policy for a viewer. */
const policy = (viewer: Viewer): string =>
  [
    `default-src 'none'`,
    `script-src 'self'`,
    STYLE[viewer],
    `img-src 'self' data:`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

/** The paths of an API's OpenAPI document, its pages, and their files. */
export const docsPaths = ({ pages, openapiPath }: Pick<Documented, 'pages' | 'openapiPath'>): Set<string> =>
  new Set([
    openapiPath,
    ...Object.entries(pages).flatMap(([page, viewer]) => [
      page,
      ...filesOf[viewer].map((file) => `${page}/${file}`),
    ]),
  ]);

function findPage(
  { pages }: Pick<Documented, 'pages'>,
  path: string,
): { viewer: Viewer; file: string | null } | undefined {
  for (const [page, viewer] of Object.entries(pages)) {
    if (path === page) return { viewer, file: null };
    if (path.startsWith(`${page}/`)) return { viewer, file: path.slice(page.length + 1) };
  }
  return undefined;
}

/**
 * Answers GET of one of `docsPaths`.
 * @param mount the prefix of the API's own paths. Links in pages and the server in the document start with it, so that they
 *   work under any hostname.
 */
export function serveDocs(ctx: Context, api: Documented, mount: string, path: string): void {
  const page = findPage(api, path);
  if (!page) {
    ctx.type = 'application/json';
    ctx.body = JSON.stringify(openapiOf(api, mount || '/'));
  } else if (page.file === null) {
    ctx.set({ 'Content-Security-Policy': policy(page.viewer), 'Referrer-Policy': 'no-referrer' });
    ctx.type = 'html';
    ctx.body = html(api, page.viewer, `${mount}${path}`, `${mount}${api.openapiPath}`);
  } else serveFile(ctx, page.viewer, page.file);
}

function html({ title }: Documented, viewer: Viewer, page: string, openapi: string): string {
  const tags = filesOf[viewer].map((name) => {
    const url = escape(`${page}/${name}?v=${docsFile(viewer, name).hash}`);
    return name.endsWith('.css')
      ? `<link rel="stylesheet" href="${url}">`
      : `<script src="${url}" defer></script>`;
  });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
${tags.join('\n')}
</head>
<body>
<div id="docs" data-openapi="${escape(openapi)}"></div>
</body>
</html>
`;
}

function serveFile(ctx: Context, viewer: Viewer, name: string): void {
  const { type, body, hash } = docsFile(viewer, name);
  ctx.status = 200;
  ctx.etag = hash;
  ctx.set({
    // Don't cache a version that this process does not have.
    'Cache-Control': ctx.query['v'] === hash ? 'public, max-age=31536000, immutable' : 'no-cache',
    'Cross-Origin-Resource-Policy': 'same-origin',
  });
  if (ctx.fresh) ctx.status = 304;
  else {
    ctx.type = type;
    ctx.body = body;
  }
}
