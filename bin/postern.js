#!/usr/bin/env node
// Any version of Node can run this file and flags.js. The rest needs the one that comes with Postern.
import module from 'node:module';
import { constants } from 'node:os';
import path from 'node:path';
import { COMMAND_FLAGS, ENVIRONMENT, SERVER_FLAGS } from './flags.js';

const environment = { ...ENVIRONMENT, ...process.env };
const isServer = process.argv[2] === 'serve';
const isOwnNode = Number.parseInt(process.versions.node, 10) >= 24;
const args = [...(isServer ? SERVER_FLAGS : []), ...process.execArgv, ...process.argv.slice(1)];

async function runOnOwnNode() {
  let node;
  try {
    const require = module.createRequire(import.meta.url);
    node = path.join(path.dirname(require.resolve('node/package.json')), 'bin', 'node');
  } catch {
    process.stderr.write(
      `postern: needs Node 24, this is ${process.version}. "npm ci" installs the right one.\n`,
    );
    process.exit(1);
  }
  const { spawn } = await import('node:child_process');
  const child = spawn(node, [...(isServer ? [] : COMMAND_FLAGS), ...args], {
    stdio: 'inherit',
    env: environment,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
  child.on('error', (error) => {
    process.stderr.write(`postern: cannot run ${node}: ${error.message}\n`);
    process.exit(1);
  });
}

if (!isOwnNode) {
  await runOnOwnNode();
} else if (
  isServer &&
  !SERVER_FLAGS.every((flag) => process.execArgv.includes(flag)) &&
  process.platform !== 'win32'
) {
  // V8 accepts these flags only on the command line. execve keeps the process id.
  process.execve(process.execPath, [process.execPath, ...args], environment);
} else {
  module.enableCompileCache();
  const { reusePackages } = await import('./packages.js');
  reusePackages();
  await import('./loading.js');
  if (isServer && process.env.npm_lifecycle_event === 'start') stopWithNpm();
  await import('../src/cli.ts');
}

/** npm's shell does not forward SIGTERM to this process. Stop when the shell is gone. */
function stopWithNpm() {
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 250);
  watch.unref();
}
