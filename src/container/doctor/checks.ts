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
  const name = `clock of ${store}`;
  const skew = Math.max(before - theirs, theirs - after, 0) / 1000;
  const message = `differs from this machine's by ${skew.toFixed(1)} s`;
  if (skew <= TOLERATED) return ok(name, message);
  return problem(
    name,
    message,
    'Synchronise both with NTP (chrony or systemd-timesyncd): codes and tokens live by the clock.',
  );
}

/** Lists the open contracts and what each reveals to strangers by its document. */
export async function checkContracts({ contracts, publicUrl }: Config): Promise<Finding[]> {
  try {
    const all = await loadContracts(contracts.modules);
    const open = openContracts(planMounts(all, contracts), publicUrl).map(({ contract, urls }) => {
      const parts = [`open at ${urls.join(' and ')}`, ...contract.givesAway(contracts)];
      return ok(`contract ${contract.name}`, parts.join('; '));
    });
    if (open.length > 0) return open;
    const names = all.map(({ name }) => name).join(', ');
    return [ok('contracts', `none is open; CONTRACTS opens those that it names: ${names}`)];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('contracts', error.message, 'Correct it in config/*.yaml.')];
  }
}

/** Milliseconds that a mail server may take to answer. */
const SMTP_TIMEOUT = 5_000;

/** Checks delivery of mail: connects and authenticates to the mail server, sends nothing. */
export async function checkMail({ smtpUrl, production, dataDir }: Config): Promise<Finding> {
  if (smtpUrl === undefined) {
    const message = `no SMTP_URL: mail is written to ${path.join(dataDir, 'mail')}`;
    return production ? warning('mail', message, 'Set SMTP_URL, or nobody gets any.') : ok('mail', message);
  }
  const { host } = new URL(smtpUrl);
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: SMTP_TIMEOUT,
    greetingTimeout: SMTP_TIMEOUT,
  });
  try {
    await transport.verify();
    return ok('mail', `${host} takes mail`);
  } catch (error) {
    return problem(
      'mail',
      `${host} takes no mail: ${(error as Error).message}`,
      'Correct SMTP_URL, or start the mail server.',
    );
  } finally {
    transport.close();
  }
}

/** Who may register clients. */
export function checkRegistration({ clientRegistration }: Config): Finding {
  if (!clientRegistration.open)
    return ok('registration', 'clients register with a token alone; postern registration-token create');
  return warning(
    'registration',
    'anybody may register a client under the policy "default"',
    'Set clientRegistration.open to false unless that is meant.',
  );
}

/** Milliseconds for the way through the proxy and back. */
const HTTP_TIMEOUT = 5_000;

async function reachable(publicUrl: string): Promise<Finding> {
  const name = 'discovery';
  const url = `${publicUrl}/.well-known/openid-configuration`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT), redirect: 'error' });
    const { issuer } = (await response.json()) as { issuer?: unknown };
    if (issuer === publicUrl) return ok(name, `answers at ${url}`);
    const message = `${url} answers as ${String(issuer)}`;
    return problem(name, message, 'Let PUBLIC_URL and the proxy in front of it mean this server.');
  } catch (error) {
    const todo = 'Start the server; if it runs, look at DNS, the proxy and its certificate.';
    return warning(name, `${url} does not answer: ${reasonOf(error)}`, todo);
  }
}

function secure({ publicUrl }: Config): Finding {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:' || isLoopbackHostname(hostname)) return ok('public URL', publicUrl);
  const todo = 'Put a proxy with TLS in front and set PUBLIC_URL to its https:// address.';
  return warning('public URL', `${publicUrl} sends passwords and tokens in the clear`, todo);
}

function proxies(config: Config): Finding[] {
  if (!hidesClients(config)) return [];
  const message = 'none is trusted, so every request seems to come from the proxy that does TLS';
  const todo = 'Set http.trustedProxies to its addresses: the lockout goes by where a guess comes from.';
  return [warning('proxies', message, todo)];
}

/** Checks PUBLIC_URL, and a request through everything in front of the server. */
export const checkPublicUrl = async (config: Config): Promise<Finding[]> => [
  secure(config),
  ...proxies(config),
  await reachable(config.publicUrl),
];
