import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/cleanup.ts';

const run = promisify(execFile);
const loader = pathToFileURL(path.resolve(import.meta.dirname, '../../bin/packages.js')).href;

describe('the stored code of packages', () => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = await temporaryFolder();
    env = { NODE_COMPILE_CACHE: path.join(folder, 'cache') };
  });

  const write = async (name: string, source: string) => {
    const file = path.join(folder, 'node_modules', name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, source);
  };
  /** What `program` prints in a new process that reuses stored code. */
  const print = async (program: string, more: Record<string, string> = {}) => {
    const file = path.join(folder, 'program.mjs');
    await writeFile(
      file,
      `import { createRequire } from 'node:module';
       import { reusePackages } from '${loader}';
       reusePackages();
       const require = createRequire(import.meta.url);
       console.log(${program});`,
    );
    return (await run(process.execPath, [file], { env: { ...env, ...more } })).stdout.trim();
  };
  const storedIn = async () => {
    const names = await readdir(env['NODE_COMPILE_CACHE']!, { recursive: true });
    const found = names.filter((name) => path.basename(name).startsWith('packages-'));
    return found.map((name) => path.join(env['NODE_COMPILE_CACHE']!, name));
  };

  it('is written by the first process and used by the next', async () => {
    await write('sample/index.js', 'exports.called = () => "a string of the function";');
    await expect(print('require("sample").called()')).resolves.toBe('a string of the function');
    const [file] = await storedIn();
    const { mtimeMs } = await stat(file!);
    // The function ran, so its code is there; V8 keeps nothing of those that did not run.
    await expect(readFile(file!, 'latin1')).resolves.toContain('a string of the function');
    await expect(print('require("sample").called()')).resolves.toBe('a string of the function');
    await expect(storedIn()).resolves.toEqual([file]);
    expect((await stat(file!)).mtimeMs).toBe(mtimeMs);
  });

  it('is not used for a file that changed, even one of the same length', async () => {
    await write('sample/index.js', 'module.exports = "one";');
    await expect(print('require("sample")')).resolves.toBe('one');
    await write('sample/index.js', 'module.exports = "two";');
    await expect(print('require("sample")')).resolves.toBe('two');
    await expect(print('require("sample")')).resolves.toBe('two');
  });

  it('is made anew when it cannot be read', async () => {
    await write('sample/index.js', 'module.exports = "one";');
    await print('require("sample")');
    const [file] = await storedIn();
    await writeFile(file!, 'nonsense');
    await expect(print('require("sample")')).resolves.toBe('one');
    await expect(readFile(file!, 'latin1')).resolves.not.toBe('nonsense');
  });

  it('changes nothing for modules: require, import(), ES modules, the position of an error', async () => {
    await write('sample/package.json', '{"name":"sample"}');
    await write(
      'sample/index.js',
      `exports.place = (() => { try { null.x } catch (error) { return /index.js:(\\d+:\\d+)/.exec(error.stack)[1] } })();
exports.self = require.resolve('./other') + module.filename + __filename + __dirname + (this === exports);
exports.parts = require('./other').name;
exports.imported = import('./other.js');
exports.cached = Object.keys(require.cache).length > 1;`,
    );
    await write('sample/other.js', 'exports.name = "other";');
    await write('disguised/index.js', 'export const name = "disguised"; export default import.meta.url;');
    const program = `JSON.stringify([require('sample'), (await require('sample').imported).name, require('disguised').name])`;
    const plain = await print(program, { NODE_DISABLE_COMPILE_CACHE: '1' });
    expect(JSON.parse(plain)).toMatchObject([{ place: '1:37', parts: 'other' }, 'other', 'disguised']);
    await expect(storedIn()).rejects.toThrow('ENOENT');
    await expect(print(program)).resolves.toBe(plain);
    await expect(print(program)).resolves.toBe(plain);
    await expect(storedIn()).resolves.toHaveLength(1);
  });

  it('does not keep a process from starting where nothing can be written', async () => {
    await write('sample/index.js', 'module.exports = "one";');
    await writeFile(path.join(folder, 'file'), '');
    const more = { NODE_COMPILE_CACHE: path.join(folder, 'file', 'cache') };
    await expect(print('require("sample")', more)).resolves.toBe('one');
  });
});
