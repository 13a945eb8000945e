import { runCases, type CaseResult } from '../../http/contracts/conformance-run.ts';
import { sendByFetch } from '../../http/contracts/conformance-visitor.ts';
import type { Door } from '../../http/contracts/door.ts';
import { doors } from '../../http/contracts/registry.ts';
import { DomainError } from '../../kernel/errors.ts';
import { UsageError } from '../failure.ts';
import type { Report } from '../report.ts';

function find(name: string, apiKey: string | undefined): Door {
  const door = doors.find((candidate) => candidate.name === name);
  if (!door) {
    const known = doors.map((candidate) => candidate.name).join(', ');
    throw new UsageError(`There is no door "${name}"; there are ${known}.`);
  }
  if (apiKey === undefined && door.operations.some(({ auth }) => auth === 'apiKey'))
    throw new UsageError(`The door ${name} wants --api-key; "postern api-key create" makes one for Postern.`);
  return door;
}

async function ask(url: string): Promise<void> {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new UsageError(`"${url}" is no http(s) URL.`);
  await sendByFetch({ method: 'GET', url, headers: {} }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error;
    throw new DomainError('unavailable', { reason: message || url });
  });
}

function toText({ name, title }: Door, url: string, results: CaseResult[]): string {
  const lines = [...Map.groupBy(results, ({ section }) => section)].flatMap(([section, own]) => [
    '',
    `  ${section}`,
    ...own.flatMap((result) => [
      `    ${result.failure === null ? 'ok  ' : 'FAIL'}  ${result.name}`,
      ...(result.failure?.split('\n').map((line) => `          ${line}`) ?? []),
    ]),
  ]);
  const passed = results.filter(({ failure }) => failure === null).length;
  return [`${name} (${title}) at ${url}`, ...lines, '', `${passed} of ${results.length} cases passed.`].join(
    '\n',
  );
}

/**
 * Runs a door's cases against the server at `url`. The report has failed when one of them did.
 * @throws UsageError for a wrong name or URL; DomainError unavailable when nothing answers there.
 */
export async function verifyDoor(name: string, url: string, options: { apiKey?: string }): Promise<Report> {
  const door = find(name, options.apiKey);
  await ask(url);
  const results = await runCases(door, { url, apiKey: options.apiKey, send: sendByFetch });
  const failed = results.filter(({ failure }) => failure !== null).length;
  return {
    json: { door: name, url, passed: results.length - failed, failed, cases: results },
    text: toText(door, url, results),
    failed: failed > 0,
  };
}
