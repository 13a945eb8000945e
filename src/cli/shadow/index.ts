/** `postern contract shadow`: the old service answers, and Postern is compared with it. */
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { loadConfig } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import { findContract } from '../commands/contract-verify.ts';
import { UsageError } from '../failure.ts';
import type { Report } from '../report.ts';
import { Asking } from './asking.ts';
import { Findings, type ShadowReport } from './findings.ts';
import { createShadow } from './proxy.ts';
import { toPage, toText } from './render.ts';
import { readSaved } from './saved.ts';

/** Milliseconds between two reports. */
const INTERVAL = 10_000;

export interface Asked {
  old: string;
  port: number;
  host: string;
  postern?: string;
  apiKey?: string;
  report?: string;
}

function serverOf(url: string): URL {
  const parsed = URL.parse(url);
  if (!parsed || !/^https?:$/.test(parsed.protocol)) throw new UsageError(`"${url}" is not an http(s) URL.`);
  if (parsed.username !== '' || parsed.search !== '' || parsed.hash !== '')
    throw new UsageError(`"${url}" must not have credentials, a query or a fragment.`);
  return parsed;
}

/** Writes the report atomically, so that readers never see half of it. */
async function write(folder: string, report: ShadowReport): Promise<void> {
  const files = {
    'report.json': `${JSON.stringify(report, null, 2)}\n`,
    'report.txt': `${toText(report)}\n`,
    'report.html': toPage(report),
  };
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    await writeFile(`${file}.new`, text, { mode: 0o600 });
    await rename(`${file}.new`, file);
  }
}

/**
 * Proxies to the old service until SIGINT or SIGTERM, and reports where Postern answers differently. @returns the
 * final report.
 * @throws UsageError for a wrong name or URL; StartupError when the port is taken.
 */
export async function shadowContract(name: string, asked: Asked): Promise<Report> {
  const contract = await findContract(name);
  const { publicUrl, dataDir } = loadConfig();
  const old = serverOf(asked.old);
  const postern = serverOf(asked.postern ?? `${publicUrl}/contracts/${name}`).href;
  const folder = path.resolve(asked.report ?? path.join(dataDir, 'shadow', name));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const where = { door: name, old: old.href, postern };
  const { saved, kept } = await readSaved(folder, where);
  if (kept) console.error(`The report of an earlier, different run was moved to ${kept}`);
  const findings = new Findings(saved);
  const asking = new Asking({ postern, apiKey: asked.apiKey, findings });
  await write(folder, findings.report(where));

  const server = createShadow({ contract, old, asking, findings });
  server.listen(asked.port, asked.host);
  await once(server, 'listening').catch((error: Error) => {
    throw new StartupError(`--port: ${error.message}`, { cause: error });
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : asked.port;
  if (saved) console.error(`Continuing the report that began at ${saved.since}`);
  console.error(`Shadowing ${old.href} at http://${asked.host}:${port}; the report is in ${folder}`);
  let isFailing = false;
  const writing = setInterval(() => {
    write(folder, findings.report(where)).then(
      () => (isFailing = false),
      (error: Error) => {
        // Log each failure once: a full disk may stay full for weeks.
        if (!isFailing) console.error(`postern: the report could not be written: ${error.message}`);
        isFailing = true;
      },
    );
  }, INTERVAL);
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  clearInterval(writing);
  server.close();
  server.closeIdleConnections();
  await Promise.race([once(server, 'close'), new Promise((resolve) => setTimeout(resolve, 10_000).unref())]);
  server.closeAllConnections();
  await asking.settled();
  const report = findings.report(where);
  await write(folder, report);
  return { json: { ...report }, text: toText(report) };
}
