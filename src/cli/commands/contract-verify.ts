import { ConfigError, loadConfig } from '../../config/index.ts';
import { type Run, runCases, sendByFetch } from '../../http/contracts/conformance-run.ts';
import type { Contract } from '../../http/contracts/contract.ts';
import { loadContracts } from '../../http/contracts/registry.ts';
import { DomainError, StartupError } from '../../core/errors.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { type Report, table } from '../report.ts';
import { isDatabaseHere, withCore } from '../session.ts';

/** Custom contracts from `contracts.modules`. Verification must also work where the local configuration is invalid. */
function modules(): string[] {
  try {
    return loadConfig().contracts.modules;
  } catch (error) {
    if (error instanceof ConfigError) return [];
    throw error;
  }
}

/**
 * Finds a contract by name. @throws UsageError when there is none; StartupError when a custom contract cannot be
 * loaded.
 */
export async function findContract(name: string): Promise<Contract> {
  const contracts = await loadContracts(modules());
  const contract = contracts.find((candidate) => candidate.name === name);
  if (!contract) {
    const known = contracts.map((candidate) => candidate.name).join(', ');
    throw new UsageError(`There is no door "${name}". The doors are ${known}.`);
  }
  return contract;
}

/** @throws UsageError when its cases need an API key, and there is none. */
function wantKey({ name, operations }: Contract, apiKey: string | undefined): void {
  if (apiKey === undefined && operations.some(({ auth }) => auth === 'apiKey'))
    throw new UsageError(
      `The door ${name} needs --api-key. For Postern, "postern api-key create" creates one.`,
    );
}

async function ask(url: string): Promise<void> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new UsageError(`"${url}" is not an http(s) URL.`);
  await sendByFetch({ method: 'GET', url, headers: {} }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw new DomainError('unavailable', { reason: message || url });
  });
}

/**
 * Deletes the accounts created by the cases from the local database, if the server uses it: not every contract can
 * delete accounts. Their random names match nobody else.
 * @returns the accounts that were not found.
 */
async function removeHere(emails: string[]): Promise<string[]> {
  if (emails.length === 0 || !(await isDatabaseHere())) return emails;
  return withCore(async ({ accounts }) => {
    const left: string[] = [];
    for (const email of emails) {
      const user = await accounts.findByEmail(email);
      if (user) await accounts.remove(user.id, operator());
      else left.push(email);
    }
    return left;
  }).catch((error: unknown) => {
    // The verified server may use another database, so this one may not exist or be migrated.
    if (error instanceof StartupError) return emails;
    throw error;
  });
}

function toText({ name, title }: Contract, url: string, { results, left }: Run): string {
  const lines = [...Map.groupBy(results, ({ section }) => section)].flatMap(([section, ofSection]) => [
    '',
    `  ${section}`,
    ...ofSection.flatMap((result) => [
      `    ${result.failure === null ? 'ok  ' : 'FAIL'}  ${result.name}`,
      ...(result.failure?.split('\n').map((line) => `          ${line}`) ?? []),
    ]),
  ]);
  const passed = results.filter(({ failure }) => failure === null).length;
  const remains = `${left.length} accounts are left, because the contract cannot delete accounts: ${left.join(', ')}`;
  return [
    `${name} (${title}) at ${url}`,
    ...lines,
    '',
    ...(left.length === 0 ? [] : [remains, '']),
    `${passed} of ${results.length} cases passed.`,
  ].join('\n');
}

async function runAt(contract: Contract, url: string, apiKey: string | undefined): Promise<Run> {
  const { results, left } = await runCases(contract, { url, apiKey, send: sendByFetch });
  return { results, left: await removeHere(left) };
}

const failuresOf = ({ results }: Run): number => results.filter(({ failure }) => failure !== null).length;

/**
 * Runs a contract's cases against the server at `url` and removes the accounts they create. The report fails when a
 * case fails.
 * @throws UsageError for a wrong name or URL; DomainError unavailable when nothing answers there.
 */
export async function verifyContract(
  name: string,
  url: string,
  options: { apiKey?: string },
): Promise<Report> {
  const contract = await findContract(name);
  wantKey(contract, options.apiKey);
  await ask(url);
  const run = await runAt(contract, url, options.apiKey);
  const { results, left } = run;
  const failed = failuresOf(run);
  return {
    json: { door: name, url, passed: results.length - failed, failed, cases: results, left },
    text: toText(contract, url, run),
    failed: failed > 0,
  };
}

/**
 * Verifies two servers, the old service and Postern, side by side.
 * @param apiKeys one for each of them.
 */
export async function compareServers(
  name: string,
  urls: [string, string],
  apiKeys: [string | undefined, string | undefined],
): Promise<Report> {
  const contract = await findContract(name);
  for (const [index, url] of urls.entries()) {
    wantKey(contract, apiKeys[index]);
    await ask(url);
  }
  const runs: Run[] = [];
  for (const [index, url] of urls.entries()) runs.push(await runAt(contract, url, apiKeys[index]));
  const [first, second] = runs as [Run, Run];
  const cases = first.results.map(({ section, name: requirement, failure }, index) => ({
    section,
    name: requirement,
    failures: [failure, second.results[index]?.failure ?? null],
  }));
  const verdict = (failure: string | null | undefined) => (failure === null ? 'ok' : 'FAIL');
  const rows = cases.map((one) => [one.section, one.name, ...one.failures.map(verdict)]);
  const explained = cases.flatMap(({ section, name: requirement, failures }) =>
    failures.flatMap((failure, index) =>
      failure === null
        ? []
        : ['', `${section}: ${requirement}, at ${urls[index]}`, `  ${failure.replaceAll('\n', '\n  ')}`],
    ),
  );
  const servers = runs.map((run, index) => ({
    url: urls[index],
    passed: run.results.length - failuresOf(run),
    failed: failuresOf(run),
    left: run.left,
  }));
  const sums = servers.map(({ url, passed, left }) =>
    [
      `${passed} of ${cases.length} cases passed at ${url}.`,
      ...(left.length > 0 ? [`${left.length} accounts are left there: ${left.join(', ')}`] : []),
    ].join(' '),
  );
  return {
    json: { door: name, servers, cases },
    text: [
      `${name} (${contract.title})`,
      '',
      table(['section', 'case', ...urls], rows),
      ...explained,
      '',
      ...sums,
    ].join('\n'),
    failed: servers.some(({ failed }) => failed > 0),
  };
}
