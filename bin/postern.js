#!/usr/bin/env node
// Any Node reads this file; the rest runs on the one that comes with Postern.
import { spawn } from 'node:child_process';
import module from 'node:module';
import { constants } from 'node:os';
import path from 'node:path';

/**
 * For the server: V8 lets the heap of a busy process grow to many times what lives in it. These keep it within 200 MB
 * instead of 350, for about 4% more CPU.
 */
const FLAGS = ['--max-semi-space-size=8', '--heap-growing-percent=60'];

/** For a command, which lives for half a second: what it makes fits into memory without a collection. */
const COMMAND_FLAGS = ['--min-semi-space-size=64'];

/** glibc would give each of a dozen threads an arena of its own, most of it empty: some megabytes at no gain. */
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2', ...process.env };

const isServer = process.argv[2] === 'serve';
const isOwnNode = Number.parseInt(process.versions.node, 10) >= 24;
const args = [...(isServer ? FLAGS : []), ...process.execArgv, ...process.argv.slice(1)];

function runOnOwnNode() {
  let node;
  try {
    const require = module.createRequire(import.meta.url);
    node = path.join(path.dirname(require.resolve('node/package.json')), 'bin', 'node');
  } catch {
    process.stderr.write(
      `postern: it runs on Node 24 and this is ${process.version}: "npm ci" brings the right one.\n`,
    );
    process.exit(1);
  }
  const child = spawn(node, [...(isServer ? [] : COMMAND_FLAGS), ...args], {
    stdio: 'inherit',
    env: ENVIRONMENT,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
  child.on('error', (error) => {
    process.stderr.write(`postern: cannot run ${node}: ${error.message}\n`);
    process.exit(1);
  });
}

if (!isOwnNode) {
  runOnOwnNode();
} else if (
  isServer &&
  !FLAGS.every((flag) => process.execArgv.includes(flag)) &&
  process.platform !== 'win32'
) {
  // V8 takes them on the command line alone. The process stays the same one.
  process.execve(process.execPath, [process.execPath, ...args], ENVIRONMENT);
} else {
  module.enableCompileCache();
  if (isServer && process.env.npm_lifecycle_event === 'start') stopWithNpm();
  await import('../src/cli.ts');
}

/** The shell between npm and this process hands no SIGTERM on: when it is gone, so is whoever started the server. */
function stopWithNpm() {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 250);
  watch.unref();
}
