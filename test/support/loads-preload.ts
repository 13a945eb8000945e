/** Loaded before a process (`node --import`): writes the names of the packages it loads to the file LOADS_FILE. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const packages = new Set<string>();
registerHooks({
  load(url, context, next) {
    const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});
process.on('exit', () => writeFileSync(process.env['LOADS_FILE'] ?? '', [...packages].sort().join('\n')));
