/** Loaded before a process (`node --import`): writes the URLs of the modules it loads to the file LOADS_FILE. */
import { writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const urls = new Set<string>();
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:')) urls.add(url);
    return next(url, context);
  },
});
process.on('exit', () => writeFileSync(process.env['LOADS_FILE'] ?? '', [...urls].join('\n')));
