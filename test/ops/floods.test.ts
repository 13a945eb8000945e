import { beforeAll, expect, it } from '@jest/globals';
import { atOnce, authorizationUrl, post } from '../oidc/support/flow.ts';
import { type Client, type Person, type Provider, startProvider } from '../oidc/support/provider.ts';
import { until } from '../support/until.ts';
import { outcomeOf, watchDuring } from './support/fault.ts';

/** Connections of a flood. */
const FLOOD = 32;

/** Guesses that are answered at least: more than the lockout allows to one source. */
const MIN_GUESSES = 200;

let provider: Provider;
let app: Client;
let service: Client;
let person: Person;

beforeAll(async () => {
  provider = await startProvider({
    settings: {
      http: { trustedProxies: ['loopback'] },
      passwords: { argon2: { memory: 8_192, time: 2, parallelism: 1 } },
    },
  });
  [app, service, person] = await Promise.all([
    provider.createClient(),
    provider.createClient({ grant_types: ['client_credentials'] }),
    provider.createPerson(),
  ]);
});

let addresses = 0;
const newAddress = (): string => {
  addresses += 1;
  return `10.${Math.floor(addresses / 65536) % 256}.${Math.floor(addresses / 256) % 256}.${addresses % 256}`;
};

const login = (from: string, username: string, password: string) =>
  fetch(`${provider.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': from },
    body: JSON.stringify({ username, password }),
  });

/** What other people and services do meanwhile: a token, or the sign-in page. */
const other = async (client: number): Promise<string> => {
  const headers = { 'x-forwarded-for': newAddress() };
  return outcomeOf(
    client % 2 === 0
      ? await post(provider, 'token', service, { grant_type: 'client_credentials' }, headers)
      : await fetch(authorizationUrl(provider, app), { redirect: 'manual', headers }),
    [200, 303],
  );
};

const FLOODS: [string, () => string, number[]][] = [
  ['one source', () => '192.0.2.1', [401, 423, 429]],
  ['many sources', newAddress, [401, 503]],
];

it.each(FLOODS)(
  'a flood of wrong passwords from %s keeps nobody else out, and nobody waits when it is over',
  async (name, addressOf, expected) => {
    const guesses = new Map<number, number>();
    const watch = await watchDuring(
      `${FLOOD} clients guess passwords from ${name}`,
      other,
      async (watch, answered) => {
        const on = { is: true };
        watch.begins();
        const flood = atOnce(FLOOD, async (index) => {
          for (let guess = 0; on.is && guess < 1_000; guess += 1) {
            const { status } = await login(addressOf(), `nobody-${index}-${guess}`, 'a wrong password');
            guesses.set(status, (guesses.get(status) ?? 0) + 1);
          }
        });
        try {
          await answered(100);
          await until(() => [...guesses.values()].reduce((sum, count) => sum + count, 0) >= MIN_GUESSES);
        } finally {
          on.is = false;
          await flood;
        }
        watch.ends();
        await answered(16);
      },
    );
    expect(watch.outcomes).toEqual(['fine']);
    expect([...guesses.keys()].filter((status) => !expected.includes(status))).toEqual([]);
    expect(guesses.get(401)).toBeGreaterThan(0);
    if (name === 'one source') expect(guesses.get(401)).toBeLessThanOrEqual(100 + FLOOD);
    expect((await login(newAddress(), person.username, person.password)).status).toBe(200);
    const answers = [...guesses].map(([status, count]) => `${count}× ${status}`).join(', ');
    await watch.report(`nothing; guesses: ${answers}`);
  },
);
