import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The libraries that show an OpenAPI document. */
export type Viewer = 'swagger' | 'redoc';

export interface DocsFile {
  type: string;
  body: Buffer;
  /** Of the content. */
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
  // Its search is a worker made of a blob, which the page's policy refuses.
  redoc: `const element = document.getElementById('docs');
Redoc.init(element.dataset.openapi, { disableSearch: true, hideDownloadButton: true }, element);
`,
};

/** What of each package is served. */
const PACKAGED: Record<Viewer, string[]> = {
  swagger: ['swagger-ui-dist/swagger-ui.css', 'swagger-ui-dist/swagger-ui-bundle.js'],
  redoc: ['redoc/bundles/redoc.standalone.js'],
};

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** The files of a viewer in the order in which a page loads them, by the name that they are served under. */
export const filesOf: Record<Viewer, string[]> = {
  swagger: [...PACKAGED.swagger.map((name) => path.basename(name)), 'start.js'],
  redoc: [...PACKAGED.redoc.map((name) => path.basename(name)), 'start.js'],
};

/** The one thing that ReDoc would load from elsewhere. */
const REMOTE_LOGO = 'https://cdn.redoc.ly/redoc/logo-mini.svg';

const read = new Map<string, DocsFile>();

/** A file of a viewer, read when it is first asked for: a megabyte that few processes need. */
export function docsFile(viewer: Viewer, name: string): DocsFile {
  const key = `${viewer}/${name}`;
  let file = read.get(key);
  if (!file) {
    const packaged = PACKAGED[viewer].find((candidate) => path.basename(candidate) === name);
    const text = packaged
      ? readFileSync(fileURLToPath(import.meta.resolve(packaged)), 'utf8').replaceAll(REMOTE_LOGO, 'data:,')
      : START[viewer];
    const body = Buffer.from(text);
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 16);
    read.set(key, (file = { type: TYPES[path.extname(name)] ?? '', body, hash }));
  }
  return file;
}
