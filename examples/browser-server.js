/** Bundles an app that runs in the browser and serves it at every path. */
import { createServer } from 'node:http';
import esbuild from 'esbuild';

/**
 * @param {string} entry the app's main module
 * @param {string} html its page, with `<script src="/app.js">`
 */
export async function serve(entry, html) {
  const { ISSUER, CLIENT_ID, PORT } = process.env;
  const built = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    jsx: 'automatic',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
    define: { ISSUER: JSON.stringify(ISSUER), CLIENT_ID: JSON.stringify(CLIENT_ID) },
  });
  createServer((req, res) => {
    const isScript = req.url === '/app.js';
    res.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    res.end(isScript ? built.outputFiles[0].text : html);
  }).listen(Number(PORT), '127.0.0.1');
}
