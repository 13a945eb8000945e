import type { ScenarioName } from './scenarios/index.ts';

/** The compared servers, each in its own process. */
export type Variant =
  | 'minimum'
  | 'bare'
  | 'bare-stores'
  | 'postern'
  | 'postern-without-fast-path'
  | 'postern-2-workers'
  | 'echo'
  | 'argon2'
  | 'hashes'
  | 'old'
  | 'shadow'
  | 'old-service'
  | 'postern-with-source'
  | 'postern-with-dead-source';

export interface Load {
  scenario: ScenarioName;
  variant: Variant;
}

/** Loads to compare with one another, in turns. */
export interface Step {
  loads: Load[];
  /** Operations a second; without it as fast as the server replies. */
  rate?: number;
  /** Defaults to the number of connections of every load. */
  connections?: number;
  /** Background load on the same server, from another process, at so many operations a second or as fast as it replies. */
  beside?: { scenario: ScenarioName; rate: number | null };
  /** Runs beside an import; the step ends with it. */
  importing?: true;
  /** Seconds of a turn, for slow operations or high percentiles. The default is half a second. */
  turn?: number;
  /** Warm-up seconds, where cold code or caches need more than the default. */
  extraWarmUp?: number;
}

const on = (scenario: ScenarioName, ...variants: Variant[]): Load[] =>
  variants.map((variant) => ({ scenario, variant }));

const everywhere: Variant[] = ['bare', 'bare-stores', 'postern'];

export const plan: Step[] = [
  {
    loads: [
      ...on(
        'client-credentials-jwt',
        'minimum',
        'bare',
        'postern',
        'postern-without-fast-path',
        'postern-2-workers',
      ),
      ...on('client-credentials-jwt-5000-clients', 'postern'),
    ],
    // Warms up the code of the fresh processes.
    extraWarmUp: 2,
  },
  { loads: on('client-credentials-opaque', ...everywhere) },
  { loads: on('refresh', ...everywhere) },
  { loads: on('code-flow', ...everywhere) },
  { loads: on('pushed-code-flow', ...everywhere) },
  { loads: on('private-key-jwt', ...everywhere) },
  { loads: on('dpop', ...everywhere) },
  { loads: on('device-polling', ...everywhere) },
  { loads: on('token-exchange', 'postern') },
  { loads: [...on('introspection-opaque', ...everywhere), ...on('introspection-jwt', 'postern')] },
  { loads: on('userinfo', ...everywhere) },
  { loads: on('jwks', 'bare', 'postern') },
  { loads: on('discovery', 'bare', 'postern') },
  { loads: [...on('echo', 'echo'), ...on('validate', 'postern')], extraWarmUp: 1 },
  { loads: [...on('sign-in-page', 'postern'), ...on('account-page', 'postern')], extraWarmUp: 1 },
  { loads: on('user-search', 'postern') },
  { loads: on('audit-pages', 'postern') },
  { loads: on('lists', 'postern') },
  { loads: on('scim-pages', 'postern') },
  { loads: [...on('user-change', 'postern'), ...on('bulk', 'postern')], connections: 2, turn: 1 },
  { loads: on('login-passkey', 'postern') },
  {
    loads: [...on('argon2', 'argon2'), ...on('login', 'postern'), ...on('login-totp', 'postern')],
    turn: 1.5,
  },
  ...(['bcrypt', 'argon2i', 'scrypt', 'pbkdf2', 'ssha'] as const).map((family) => ({
    loads: [...on(family, 'hashes'), ...on(`login-imported-${family}`, 'postern')],
    turn: 0.7,
  })),
  {
    loads: [...on('old-service', 'old'), ...on('old-service-shadowed', 'shadow')],
    rate: 200,
    turn: 1.5,
    extraWarmUp: 1,
  },
  {
    loads: [...on('old-login', 'old-service'), ...on('first-login', 'postern-with-source')],
    // More would wait at the source for longer than Postern waits for it.
    connections: 4,
    turn: 1,
  },
  { loads: on('login-while-source-is-dead', 'postern', 'postern-with-dead-source'), turn: 1.5 },
  { loads: on('tokens-alone', 'postern'), rate: 200, turn: 2.5 },
  {
    loads: on('tokens-beside-logins', 'postern'),
    rate: 200,
    beside: { scenario: 'login', rate: null },
    turn: 2.5,
  },
  // A page every fifth of a second: several operators who click without a pause.
  {
    loads: on('tokens-beside-lists', 'postern'),
    rate: 200,
    beside: { scenario: 'operator-pages', rate: 5 },
    turn: 2.5,
  },
  { loads: on('tokens-beside-import', 'postern'), rate: 200, importing: true, turn: 2.5 },
];
