import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ejs from 'ejs';
import { StartupError } from '../core/errors.ts';

export type Format = 'html' | 'text';
type Locals = Readonly<Record<string, unknown>>;
type Template = (locals: Locals) => string;

/** Variables available in every template; `locals` holds all of them. */
const NAMES = ['t', 'translator', 'message', 'links', 'facts', 'look', 'page', 'partial', 'args'];

const formatOf = (file: string): Format => (file.endsWith('.text.ejs') ? 'text' : 'html');

function compile(filename: string): Template {
  try {
    return ejs.compile(readFileSync(filename, 'utf8'), {
      filename,
      strict: true,
      destructuredLocals: NAMES,
      // HTML output is escaped, text is not.
      ...(formatOf(filename) === 'text' ? { escape: String } : {}),
    });
  } catch (error) {
    throw new StartupError(`The mail template ${filename} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * The EJS templates `<name>.html.ejs` and `<name>.text.ejs` of `folders`. A file overrides one of the same name in a later
 * folder. Compiles all of them immediately, except for Postern's own in the last folder, which are known to compile: those on
 * first use.
 * @throws StartupError when a folder is missing or a template does not compile.
 */
export function loadTemplates(folders: string[]): (name: string, format: Format, locals: Locals) => string {
  const templates = new Map<string, string | Template>();
  for (const folder of folders) {
    const isOwn = folder === folders.at(-1);
    if (!existsSync(folder)) throw new StartupError(`mail.templates: there is no folder ${folder}`);
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const name = file.replaceAll(path.sep, '/');
      const filename = path.join(folder, file);
      if (name.endsWith('.ejs') && !templates.has(name))
        templates.set(name, isOwn ? filename : compile(filename));
    }
  }
  return (name, format, locals) => {
    const file = `${name}.${format}.ejs`;
    const found = templates.get(file);
    if (found === undefined) throw new Error(`no mail template ${file}`);
    const template = typeof found === 'string' ? compile(found) : found;
    templates.set(file, template);
    return template(locals);
  };
}
