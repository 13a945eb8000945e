/** argon2 alone: checks a password with Postern's parameters, as many at a time as one process of Postern would. */
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { hash, verify } from '@node-rs/argon2';
import { readSettings } from '../../src/config/settings.ts';
import { serverSettings } from './settings.ts';

const { port, people } = serverSettings();
const { settings, problems } = readSettings('production', undefined);
if (!settings) throw new Error(problems.join('\n'));
const { argon2, hashing } = settings.passwords;
const cost = { memoryCost: argon2.memory, timeCost: argon2.time, parallelism: argon2.parallelism };
const concurrency = hashing.concurrency || Math.max(1, availableParallelism() - 1);

const stored = new Map<string | null, string>();
for (const { username, password } of people) stored.set(username, await hash(password, cost));

let free = concurrency;
const waiting: (() => void)[] = [];

async function bounded<T>(work: () => Promise<T>): Promise<T> {
  if (free > 0) free--;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free++;
  }
}

createServer((request, response) => {
  const respond = async () => {
    const form = new URLSearchParams(await text(request));
    const known = stored.get(form.get('username'));
    const right =
      known !== undefined && (await bounded(async () => verify(known, form.get('password') ?? '')));
    response.writeHead(right ? 204 : 401).end();
  };
  respond().catch(() => response.writeHead(500).end());
}).listen(port, '127.0.0.1');
