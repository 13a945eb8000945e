import type { Source, Results, Metric } from '../results.ts';

export interface Verdict {
  name: string;
  target: string;
  measured: string;
  /** Null: not measured in this run. */
  met: boolean | null;
}

export const megabytes = (bytes: number | null): number | null => (bytes === null ? null : bytes / 1e6);

/** What Postern promises, and whether this run bears it out. */
export function judge(results: Results): Verdict[] {
  const verdict = (
    name: string,
    value: number | null,
    bound: '≤' | '≥' | '<',
    limit: number,
    unit = '',
  ): Verdict => {
    const met =
      value === null ? null : bound === '≥' ? value >= limit : bound === '<' ? value < limit : value <= limit;
    const digits = limit >= 100 ? 0 : 2;
    return {
      name,
      target: `${bound} ${limit}${unit}`,
      measured: value === null ? '-' : `${value.toFixed(digits)}${unit}`,
      met,
    };
  };
  const ratio = (
    name: string,
    source: Source,
    base: Source,
    metric: Metric,
    bound: '≤' | '≥',
    limit: number,
  ) => verdict(name, results.ratio(source, base, metric), bound, limit);
  /** What nobody has set a bound to. */
  const share = (name: string, source: Source, base: Source, metric: Metric): Verdict => {
    const value = results.ratio(source, base, metric);
    return { name, target: '-', measured: value === null ? '-' : value.toFixed(2), met: null };
  };
  const sameStores = (step: string) =>
    ratio(
      `${step}: CPU, of the bare library on the same stores`,
      `${step}/postern`,
      `${step}/bare-stores`,
      'cpu',
      '≤',
      1.25,
    );

  const beyond = (source: Source, base: Source): number | null => {
    const [one, other] = [results.median(source, 'p99'), results.median(base, 'p99')];
    return one === null || other === null ? null : one - other;
  };

  const token = 'client-credentials-jwt/postern';
  const seconds = (name: string) => {
    const milliseconds = results.fact(name);
    return milliseconds === null ? null : milliseconds / 1000;
  };
  return [
    ratio(
      'client-credentials-jwt: CPU, of the bare library',
      token,
      'client-credentials-jwt/bare',
      'cpu',
      '≤',
      1.1,
    ),
    ratio(
      'client-credentials-jwt: rate, of the minimum',
      token,
      'client-credentials-jwt/minimum',
      'rate',
      '≥',
      0.5,
    ),
    ratio('refresh: CPU, of the bare library', 'refresh/postern', 'refresh/bare', 'cpu', '≤', 1.5),
    ratio(
      'refresh: CPU, of the bare library on the same stores',
      'refresh/postern',
      'refresh/bare-stores',
      'cpu',
      '≤',
      1.5,
    ),
    ...['client-credentials-opaque', 'code-flow', 'introspection-opaque', 'userinfo'].map(sameStores),
    ratio('jwks: CPU, of a token request', 'jwks/postern', token, 'cpu', '≤', 0.15),
    ratio('discovery: CPU, of a token request', 'discovery/postern', token, 'cpu', '≤', 0.15),
    // Two runs of one and the same differ by a few per cent.
    ratio(
      '5000 clients: CPU, of one client',
      'client-credentials-jwt-5000-clients/postern',
      token,
      'cpu',
      '≤',
      1.05,
    ),
    ratio('validate: rate, of a bare Koa echo', 'validate/postern', 'echo/echo', 'rate', '≥', 0.6),
    share(
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
      '≥',
      0.95,
    ),
    ratio('login: rate, of argon2 alone', 'login/postern', 'argon2/argon2', 'rate', '≥', 0.9),
    ...['pushed-code-flow', 'private-key-jwt', 'dpop', 'device-polling'].flatMap((step) => [
      share(`${step}: CPU, of the bare library`, `${step}/postern`, `${step}/bare`, 'cpu'),
      share(
        `${step}: CPU, of the bare library on the same stores`,
        `${step}/postern`,
        `${step}/bare-stores`,
        'cpu',
      ),
    ]),
    share('token-exchange: CPU, of a token request', 'token-exchange/postern', token, 'cpu'),
    share('login with TOTP: rate, of argon2 alone', 'login-totp/postern', 'argon2/argon2', 'rate'),
    share('login with a passkey: CPU, of a token request', 'login-passkey/postern', token, 'cpu'),
    share('account page: p50, of the sign-in page', 'account-page/postern', 'sign-in-page/postern', 'p50'),
    ratio(
      'token p99 beside saturated logins, of that without (aim: 2)',
      'tokens-beside-logins/postern',
      'tokens-alone/postern',
      'p99',
      '≤',
      3,
    ),
    ratio(
      'token p99 beside an import, of that without',
      'tokens-beside-import/postern',
      'tokens-alone/postern',
      'p99',
      '≤',
      1.2,
    ),
    verdict(
      'shadow: p99 beyond that of the old service alone',
      beyond('old-service-shadowed/shadow', 'old-service/old'),
      '≤',
      3,
      ' ms',
    ),
    // A million accounts in ten minutes.
    verdict('import: accounts a second', results.fact('import/rate'), '≥', 1667),
    verdict('import: memory of its second half, of its first', results.fact('import/growth'), '≤', 1.1),
    verdict('import: memory', megabytes(results.fact('import/rss')), '≤', 400, ' MB'),
    ratio('two workers: rate, of one', 'client-credentials-jwt/postern-2-workers', token, 'rate', '≥', 1.4),
    verdict('ready on existing data, PostgreSQL and Redis', seconds('ready/postern'), '<', 3, ' s'),
    verdict('ready on existing data, embedded PostgreSQL', seconds('ready/embedded'), '<', 3, ' s'),
    verdict('memory of a worker, idle', megabytes(results.fact('idle/postern')), '≤', 130, ' MB'),
    verdict('memory of a worker, under load', megabytes(results.peakMemory('postern')), '≤', 200, ' MB'),
  ];
}
