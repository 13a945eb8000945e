import { beforeAll, describe, expect, it } from '@jest/globals';
import { runCases, type Send, sendByFetch } from '../../src/http/contracts/conformance-run.ts';
import {
  allContracts,
  type ContractServer,
  inOrder,
  sendToHost,
  startContractServer,
  STORES,
} from './support/server.ts';

const names = allContracts.map(({ name }) => name);
const hosts = Object.fromEntries(names.map((name) => [`${name}.example.test`, name]));

/** The two contracts that share the root by default, and the others alone, which would collide. */
const AT_ROOT: Record<string, string[]> = {
  'cookie and gateway': ['cookie', 'gateway'],
  'keyed': ['keyed'],
  'flask': ['flask'],
  'ppl': ['ppl'],
};

async function failures(server: ContractServer, name: string, url: string, send: Send): Promise<string[]> {
  const contract = allContracts.find((candidate) => candidate.name === name)!;
  const { results } = await runCases(contract, { url, apiKey: server.apiKey, send: inOrder(name, send) });
  expect(results.length).toBeGreaterThan(10);
  return results.flatMap(({ section, name: what, failure }) =>
    failure === null ? [] : [`${section}: ${what}\n${failure}`],
  );
}

describe.each(STORES)('each contract on %s conforms to its document', (stores) => {
  let server: ContractServer;
  beforeAll(async () => {
    server = await startContractServer({ stores, contracts: { hosts } });
  });

  it.each(names)('%s, below its prefix', async (name) => {
    expect(await failures(server, name, `${server.url}/contracts/${name}`, sendByFetch)).toEqual([]);
  });

  it.each(names)('%s, at its hostname', async (name) => {
    const send = sendToHost(server.postern.port, `${name}.example.test`);
    expect(await failures(server, name, server.url, send)).toEqual([]);
  });
});

describe.each(Object.entries(AT_ROOT))(
  'contracts at the root conform to their documents: %s',
  (_title, root) => {
    let server: ContractServer;
    beforeAll(async () => {
      server = await startContractServer({ contracts: { root } });
    });

    it.each(root)('%s', async (name) => {
      expect(await failures(server, name, server.url, sendByFetch)).toEqual([]);
    });
  },
);
