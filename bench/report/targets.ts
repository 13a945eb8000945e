import { type Metric, type Results, type Source, type Spread, spreadOf } from '../results.ts';

export interface Verdict {
  name: string;
  target: string;
  /** Median and quartiles. */
  measured: string;
  /** Null: not measured in this run, or without a bound. */
  met: boolean | null;
}

const MEGABYTE = 1e6;

type Bound = [sign: '≤' | '≥', limit: number, unit?: string];

export const shown = ({ low, median, high }: Spread, digits: number): string =>
  low === high
    ? median.toFixed(digits)
    : `${median.toFixed(digits)} [${low.toFixed(digits)}-${high.toFixed(digits)}]`;

/** @param bound omitted for figures without a target. */
function verdict(name: string, value: Spread | null, bound?: Bound): Verdict {
  const [sign, limit = 0, unit = ''] = bound ?? [];
  const met = value && sign ? (sign === '≥' ? value.median >= limit : value.median <= limit) : null;
  return {
    name,
    target: sign ? `${sign} ${limit}${unit}` : '-',
    measured: value ? `${shown(value, limit >= 100 ? 0 : 2)}${unit}` : '-',
    met,
  };
}

/** Compares the medians of this run with Postern's targets. */
export function judge(results: Results): Verdict[] {
  const ratio = (name: string, source: Source, base: Source, metric: Metric, bound?: Bound): Verdict =>
    verdict(name, results.ratio(source, base, metric), bound);
  const sameStores = (step: string, bound?: Bound): Verdict =>
    ratio(
      `${step}: CPU, of the bare library on the same stores`,
      `${step}/postern`,
      `${step}/bare-stores`,
      'cpu',
      bound,
    );
  const bare = (step: string, bound?: Bound): Verdict =>
    ratio(`${step}: CPU, of the bare library`, `${step}/postern`, `${step}/bare`, 'cpu', bound);
  const alone = (value: number | null): Spread | null => (value === null ? null : spreadOf([value]));

  const token = 'client-credentials-jwt/postern';
  // The baseline is a token request on the library's way, as when the bound was set: a faster token request must not
  // raise the ratio.
  const library = 'client-credentials-jwt/postern-without-fast-path';
  const beyond = (source: Source, base: Source): Spread | null => {
    const [one, other] = [results.spread(source, 'p99'), results.spread(base, 'p99')];
    return one && other && alone(one.median - other.median);
  };
  const peak = results.peakMemory('postern');

  return [
    bare('client-credentials-jwt', ['≤', 0.6]),
    ratio('client-credentials-jwt: rate, of the minimum', token, 'client-credentials-jwt/minimum', 'rate', [
      '≥',
      0.55,
    ]),
    ratio('client-credentials-jwt: CPU, of the way without the fast path', token, library, 'cpu'),
    sameStores('client-credentials-opaque', ['≤', 0.8]),
    sameStores('introspection-opaque', ['≤', 1]),
    sameStores('refresh', ['≤', 1]),
    sameStores('userinfo', ['≤', 1.2]),
    sameStores('code-flow', ['≤', 1.1]),
    ratio('jwks: CPU, of a token request without the fast path', 'jwks/postern', library, 'cpu', ['≤', 0.1]),
    ratio('discovery: CPU, of a token request without the fast path', 'discovery/postern', library, 'cpu', [
      '≤',
      0.1,
    ]),
    ratio('validate: rate, of a bare Koa echo', 'validate/postern', 'echo/echo', 'rate', ['≥', 0.8]),
    ratio(
      'token p99 beside saturated logins, of that without',
      'tokens-beside-logins/postern',
      'tokens-alone/postern',
      'p99',
      ['≤', 1.5],
    ),
    ratio(
      'token p99 beside lists of operators, of that without',
      'tokens-beside-lists/postern',
      'tokens-alone/postern',
      'p99',
      ['≤', 1.1],
    ),
    verdict('memory of a worker, idle', results.fact('idle/postern', MEGABYTE), ['≤', 115, ' MB']),
    verdict('memory of a worker, under load', alone(peak && peak / MEGABYTE), ['≤', 185, ' MB']),
    verdict('ready on existing data, PostgreSQL and Redis', results.fact('ready/postern', 1000), [
      '≤',
      1.2,
      ' s',
    ]),
    verdict('ready on existing data, embedded PostgreSQL', results.fact('ready/embedded', 1000), [
      '≤',
      1.2,
      ' s',
    ]),
    ratio('account page: p50, of the sign-in page', 'account-page/postern', 'sign-in-page/postern', 'p50', [
      '≤',
      2,
    ]),
    ratio(
      'token-exchange: CPU, of a token request without the fast path',
      'token-exchange/postern',
      library,
      'cpu',
      ['≤', 2],
    ),

    bare('refresh', ['≤', 1.5]),
    // Identical runs differ by a few per cent.
    ratio('5000 clients: CPU, of one client', 'client-credentials-jwt-5000-clients/postern', token, 'cpu', [
      '≤',
      1.05,
    ]),
    ratio(
      'first login through a legacy source: p50, of the source alone',
      'first-login/postern-with-source',
      'old-login/old-service',
      'p50',
    ),
    ratio(
      'logins while a source is dead: rate, of those without one',
      'login-while-source-is-dead/postern-with-dead-source',
      'login-while-source-is-dead/postern',
      'rate',
      ['≥', 0.95],
    ),
    ratio('login: rate, of argon2 alone', 'login/postern', 'argon2/argon2', 'rate', ['≥', 0.9]),
    ...['pushed-code-flow', 'private-key-jwt', 'dpop', 'device-polling'].flatMap((step) => [
      bare(step),
      sameStores(step),
    ]),
    ratio(
      'bulk of 100: rate of single changes, of that of bulks',
      'user-change/postern',
      'bulk/postern',
      'rate',
      ['≤', 30],
    ),
    ratio('login with TOTP: rate, of argon2 alone', 'login-totp/postern', 'argon2/argon2', 'rate'),
    ratio('login with a passkey: CPU, of a token request', 'login-passkey/postern', library, 'cpu'),
    ratio(
      'token p99 beside an import, of that without',
      'tokens-beside-import/postern',
      'tokens-alone/postern',
      'p99',
      ['≤', 1.2],
    ),
    verdict(
      'shadow: p99 beyond that of the old service alone',
      beyond('old-service-shadowed/shadow', 'old-service/old'),
      ['≤', 3, ' ms'],
    ),
    // A million accounts in ten minutes.
    verdict('import: accounts a second', results.fact('import/rate'), ['≥', 1667]),
    verdict('import: memory of its second half, of its first', results.fact('import/growth'), ['≤', 1.1]),
    verdict('import: memory', results.fact('import/rss', MEGABYTE), ['≤', 400, ' MB']),
    ratio('two workers: rate, of one', 'client-credentials-jwt/postern-2-workers', token, 'rate', ['≥', 1.4]),
  ];
}
