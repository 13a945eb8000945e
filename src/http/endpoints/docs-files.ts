import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The libraries that show OpenAPI documents. */
export type Viewer = 'swagger' | 'redoc';

export interface DocsFile {
  type: string;
  body: Buffer;
  /** Hash of the content. */
  hash: string;
}

const START: Record<Viewer, string> = {
  swagger: `SwaggerUIBundle({
  dom_id: '#docs',
  url: document.getElementById('docs').dataset.openapi,
  deepLinking: true,
  validatorUrl: null,
});
`,
  // Its search runs in a blob worker, which the page's CSP blocks.
  redoc: `const element = document.getElementById('docs');
Redoc.init(element.dataset.openapi, { disableSearch: true, hideDownloadButton: true }, element);
`,
};

/** The libraries' own files, fetched by `update.js` in the same folder. */
const VENDOR = path.resolve(import.meta.dirname, '../../../views/vendor');

const BUNDLES: Record<Viewer, string[]> = {
  swagger: ['swagger-ui.css', 'swagger-ui-bundle.js'],
  redoc: ['redoc.standalone.js'],
};

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** A viewer's files in loading order, by the name that they are served under. */
export const filesOf: Record<Viewer, string[]> = {
  swagger: [...BUNDLES.swagger, 'start.js'],
  redoc: [...BUNDLES.redoc, 'start.js'],
};

/** The only asset that ReDoc would load from another origin. */
const REMOTE_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

const read = new Map<string, DocsFile>();

/** A viewer's file, read on first request: a megabyte that few processes need. */
export function docsFile(viewer: Viewer, name: string): DocsFile {
  const key = `${viewer}/${name}`;
  let file = read.get(key);
  if (!file) {
    const text = BUNDLES[viewer].includes(name)
      ? readFileSync(path.join(VENDOR, viewer, name), 'utf8').replaceAll(REMOTE_LOGO, 'data:,')
      : START[viewer];
    const body = Buffer.from(text);
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16);
    read.set(key, (file = { type: TYPES[path.extname(name)] ?? '', body, hash }));
  }
  return file;
}
