import path from 'node:path';
import { createTransport } from 'nodemailer';
import { type Config, hidesClients } from '../../config/index.ts';
import { StartupError } from '../../core/errors.ts';
import { isLoopbackHostname } from '../../core/network.ts';
import { openContracts, planMounts } from '../../http/contracts/mounts.ts';
import { loadContracts } from '../../http/contracts/registry.ts';
import { reasonOf } from '../../http/ops/readiness.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Tolerated clock skew in seconds, as for the times of a token. */
const TOLERATED = 5;

/** Compares this machine's clock with `store`'s, as read between `before` and `after`. Milliseconds since the epoch. */
export function compareClocks(store: string, theirs: number, before: number, after: number): Finding {
  const name = { key: 'console.doctor.name.clockOf', params: { store } } as const;
  const skew = Math.max(before - theirs, theirs - after, 0) / 1000;
  const message = { key: 'console.doctor.clock', params: { seconds: skew.toFixed(1) } } as const;
  if (skew <= TOLERATED) return ok(name, message);
  return problem(name, message, 'console.doctor.clockTodo');
}

/** Lists the open contracts and what each reveals to strangers by its document. */
export async function checkContracts({ contracts, publicUrl }: Config): Promise<Finding[]> {
  try {
    const all = await loadContracts(contracts.modules);
    const open = openContracts(planMounts(all, contracts), publicUrl).map(({ contract, urls }) => {
      const more = contract.givesAway(contracts).map((part) => `; ${part}`);
      const params = { urls: urls.join(', '), more: more.join('') };
      return ok(
        { key: 'console.doctor.name.contract', params: { name: contract.name } },
        { key: 'console.doctor.contractOpen', params },
      );
    });
    if (open.length > 0) return open;
    const names = all.map(({ name }) => name).join(', ');
    return [ok('console.doctor.name.contracts', { key: 'console.doctor.contractsNone', params: { names } })];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [
      problem('console.doctor.name.contracts', { text: error.message }, 'console.doctor.contractsTodo'),
    ];
  }
}

/** Milliseconds that a mail server may take to answer. */
const SMTP_TIMEOUT = 5_000;

/** Checks delivery of mail: connects and authenticates to the mail server, sends nothing. */
export async function checkMail({ smtpUrl, production, dataDir }: Config): Promise<Finding> {
  if (smtpUrl === undefined) {
    const params = { directory: path.join(dataDir, 'mail') };
    const message = { key: 'console.doctor.mailFile', params } as const;
    return production
      ? warning('console.doctor.name.mail', message, 'console.doctor.mailFileTodo')
      : ok('console.doctor.name.mail', message);
  }
  const { host } = new URL(smtpUrl);
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: SMTP_TIMEOUT,
    greetingTimeout: SMTP_TIMEOUT,
  });
  try {
    await transport.verify();
    return ok('console.doctor.name.mail', { key: 'console.doctor.mailTaken', params: { host } });
  } catch (error) {
    return problem(
      'console.doctor.name.mail',
      { key: 'console.doctor.mailRefused', params: { host, error: (error as Error).message } },
      'console.doctor.mailRefusedTodo',
    );
  } finally {
    transport.close();
  }
}

/** Who may register clients. */
export function checkRegistration({ clientRegistration }: Config): Finding {
  if (!clientRegistration.open)
    return ok('console.doctor.name.registration', 'console.doctor.registrationClosed');
  return warning(
    'console.doctor.name.registration',
    'console.doctor.registrationOpen',
    'console.doctor.registrationOpenTodo',
  );
}

/** Milliseconds for a request through the proxy and back. */
const HTTP_TIMEOUT = 5_000;

async function reachable(publicUrl: string): Promise<Finding> {
  const name = 'console.doctor.name.discovery';
  const url = `${publicUrl}/.well-known/openid-configuration`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT), redirect: 'error' });
    const { issuer } = (await response.json()) as { issuer?: unknown };
    if (issuer === publicUrl) return ok(name, { key: 'console.doctor.discovery', params: { url } });
    const params = { url, issuer: String(issuer) };
    return problem(
      name,
      { key: 'console.doctor.discoveryOther', params },
      'console.doctor.discoveryOtherTodo',
    );
  } catch (error) {
    const params = { url, error: reasonOf(error) };
    return warning(
      name,
      { key: 'console.doctor.discoverySilent', params },
      'console.doctor.discoverySilentTodo',
    );
  }
}

function secure({ publicUrl }: Config): Finding {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:' || isLoopbackHostname(hostname))
    return ok('console.doctor.name.publicUrl', { text: publicUrl });
  const message = { key: 'console.doctor.publicUrlClear', params: { url: publicUrl } } as const;
  return warning('console.doctor.name.publicUrl', message, 'console.doctor.publicUrlClearTodo');
}

function proxies(config: Config): Finding[] {
  if (!hidesClients(config)) return [];
  return [warning('console.doctor.name.proxies', 'console.doctor.proxies', 'console.doctor.proxiesTodo')];
}

/** Checks PUBLIC_URL, and a request through everything in front of the server. */
export const checkPublicUrl = async (config: Config): Promise<Finding[]> => [
  secure(config),
  ...proxies(config),
  await reachable(config.publicUrl),
];
