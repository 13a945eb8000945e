/** `postern contract new`: generates a contract from an old service's OpenAPI document. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { builtInContracts } from '../../http/contracts/registry.ts';
import { UsageError } from '../failure.ts';
import { type Report, table } from '../report.ts';
import { readDocument } from './document.ts';
import { writeDoor } from './files.ts';

const DOOR = path.resolve(import.meta.dirname, '../../http/contracts/door.ts');

/** Write all files or none. */
async function writeFolder(folder: string, files: Record<string, string>): Promise<void> {
  const existing = await readdir(folder).catch(() => []);
  if (existing.length > 0) throw new UsageError(`${folder} is not empty; nothing was written.`);
  await mkdir(path.dirname(folder), { recursive: true });
  const made = await mkdtemp(path.join(path.dirname(folder), `.${path.basename(folder)}-`));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(made, name), text);
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Writes the contract `name` into its own folder.
 * @param options.openapi the document's file. @param options.out the folder; by default one named after the contract,
 *   in the working directory.
 * @throws UsageError for an invalid name, an unusable document, or a folder that is not empty.
 */
export async function newDoor(name: string, options: { openapi: string; out?: string }): Promise<Report> {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name))
    throw new UsageError(
      `"${name}" is not a valid name for a door: use lower-case letters, digits and hyphens, and begin with a letter.`,
    );
  if (builtInContracts.some((one) => one.name === name))
    throw new UsageError(`A door "${name}" exists already.`);
  const folder = path.resolve(options.out ?? name);
  const document = await readDocument(options.openapi);
  const { files, written, undecided: others } = writeDoor(name, document, DOOR);
  await writeFolder(folder, files);
  const open = [
    ...written.flatMap(({ id, undecided }) => (undecided === null ? [] : [{ operation: id, undecided }])),
    ...others.map((undecided) => ({ operation: null, undecided })),
  ];
  const rows = written.map(({ id, kind, undecided, old }) => [
    `${old.method.toUpperCase()} ${old.path}`,
    id,
    kind ?? '-',
    undecided === null ? 'written' : 'to be decided',
  ]);
  return {
    json: {
      door: name,
      folder,
      operations: written.map(({ id, kind, undecided, old }) => ({
        id,
        endpoint: `${old.method.toUpperCase()} ${document.basePath}${old.path}`,
        kind,
        undecided,
      })),
      undecided: open,
    },
    text: [
      table(['operation', 'id', 'kind', 'state'], rows),
      '',
      ...(open.length > 0
        ? [
            'To be decided before a server can start with it:',
            ...open.map(
              ({ operation, undecided }) => `  ${operation === null ? '' : `${operation}: `}${undecided}`,
            ),
            '',
          ]
        : []),
      `The door is in ${folder}. Review it, then:`,
      `  contracts: { modules: ['${folder}'] }        # in the configuration`,
      `  postern contract verify ${name} <the old service>   # what it does now`,
      `  postern contract verify ${name} <PUBLIC_URL>/contracts/${name}`,
    ].join('\n'),
  };
}
