/**
 * Brings the bundles that show OpenAPI documents: `node views/vendor/update.js [swagger-ui-dist@5.36.0 …]`. Their
 * packages are no dependencies: one file of each is served, and they would install a hundred others and a telemetry script.
 * Takes each package as published, with its licence, and writes down which it was; npm checks what it fetches.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folder = import.meta.dirname;
const manifest = path.join(folder, 'manifest.json');

/** By package: where its files are kept, and which of them. */
const PACKAGES = {
  'swagger-ui-dist': {
    to: 'swagger',
    files: ['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'],
  },
  'redoc': {
    to: 'redoc',
    files: ['bundles/redoc.standalone.js', 'bundles/redoc.standalone.js.LICENSE.txt', 'LICENSE'],
  },
};

const known = JSON.parse(readFileSync(manifest, 'utf8'));
const asked = Object.fromEntries(process.argv.slice(2).map((spec) => spec.split('@')));
for (const [name, { to, files }] of Object.entries(PACKAGES)) {
  const version = asked[name] ?? known[name].version;
  const work = mkdtempSync(path.join(tmpdir(), 'postern-vendor-'));
  const pack = ['pack', `${name}@${version}`, '--json', '--ignore-scripts', '--pack-destination', work];
  const [{ filename, integrity }] = JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' }));
  execFileSync('tar', ['-xzf', path.join(work, filename), '-C', work]);
  mkdirSync(path.join(folder, to), { recursive: true });
  known[name] = { version, integrity, sha256: {} };
  for (const file of files) {
    const target = path.join(to, path.basename(file));
    copyFileSync(path.join(work, 'package', file), path.join(folder, target));
    const content = readFileSync(path.join(folder, target));
    known[name].sha256[target] = createHash('sha256').update(content).digest('hex');
  }
  rmSync(work, { recursive: true });
}
writeFileSync(manifest, `${JSON.stringify(known, null, 2)}\n`);
