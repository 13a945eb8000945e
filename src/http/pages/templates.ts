import { readFileSync } from 'node:fs';
import path from 'node:path';
import ejs from 'ejs';
import { escapeHtml, Html } from './html.ts';

type Locals = Readonly<Record<string, unknown>>;
type Template = (locals: Locals) => Html;

/**
 * The EJS templates of a folder, each compiled once, at its first use. All output is escaped, `Html` apart.
 * @param locals the names that every template may use.
 */
export function createTemplates(folder: string, locals: readonly string[]): (name: string) => Template {
  const compiled = new Map<string, Template>();
  return (name) => {
    let template = compiled.get(name);
    if (!template) {
      const filename = path.join(folder, `${name}.ejs`);
      const render = ejs.compile(readFileSync(filename, 'utf8'), {
        filename,
        strict: true,
        destructuredLocals: [...locals],
        escape: escapeHtml,
      });
      template = (values) => new Html(render(values));
      compiled.set(name, template);
    }
    return template;
  };
}
