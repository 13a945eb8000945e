import { isLoopbackHostname } from '../../core/network.ts';
import { type Config, hidesClients } from '../../config/index.ts';
import { reasonOf } from '../../http/ops/readiness.ts';
import { type Finding, ok, problem, warning } from './finding.ts';

/** Milliseconds for the way through the proxy and back. */
const TIMEOUT = 5_000;

async function reachable(publicUrl: string): Promise<Finding> {
  const name = 'discovery';
  const url = `${publicUrl}/.well-known/openid-configuration`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT), redirect: 'error' });
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

/** Looks at PUBLIC_URL, and from here through everything in front of the server. */
export const checkPublicUrl = async (config: Config): Promise<Finding[]> => [
  secure(config),
  ...proxies(config),
  await reachable(config.publicUrl),
];
