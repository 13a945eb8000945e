import { parseArgs } from 'node:util';
import type { Size } from './size/seed.ts';
import type { Rows } from './stage/records.ts';

export interface Options {
  /** Each round measures every server in a fresh process. */
  rounds: number;
  /** Turns of each server in a round, and the factor of their length. */
  turns: number;
  pace: number;
  /** Warm-up seconds. */
  warmUp: number;
  /** Only scenarios whose name contains one of these, and those they are compared with. */
  only: string | undefined;
  /** Accounts imported during `tokens-beside-import`. */
  movers: number;
  /** Rows in the tables behind the operators' lists. */
  rows: Rows;
  /** Measures one, two, four and eight workers instead. */
  workers: boolean;
  /** File for the measurements, as JSON. */
  json: string | undefined;
  /**
   * Replaces the plan: `size` compares a large database with an almost empty one; `week` measures the tables after a
   * simulated week.
   */
  scenario: 'size' | 'week' | undefined;
  size: Size;
  /** Folder that keeps the databases of `size` for later runs. */
  data: string | undefined;
}

export const usage = `npm run bench -- [--quick] [--rounds N] [--turns N] [--only NAME] [--people N] [--events N]
                     [--movers N] [--workers] [--json FILE]
       npm run bench -- --scenario size [--accounts N] [--tokens N] [--events N] [--sessions N]
                     [--data FOLDER] [--rounds N] [--quick]
       npm run bench -- --scenario week [--accounts N]

  --quick       one round of short turns (about three minutes instead of fifteen)
  --rounds N    rounds, each with fresh processes (3; of size 1)
  --turns N     turns of each server in a round (4)
  --only NAME   only scenarios whose name contains NAME, with what they are compared with; NAME,NAME for several
  --people N    accounts that are searched (50000)
  --events N    audit events that are searched (500000)
  --movers N    accounts that are imported in each round (20000)
  --workers     what one, two, four and eight workers give instead, everything on a core of its own
  --json FILE   writes every number there

  --scenario size  logins, refreshes, introspections, code flows and revocations on a large database and on an
                   almost empty one, in turns; about 40 GB of disk, and six minutes once they are filled
  --scenario week  a week of people in the stores: dead rows and sizes, with the tables' settings and without
  --accounts N     accounts (1000000; of a week 10000)
  --tokens N       refresh tokens (10000000)
  --events N       audit events (50000000)
  --sessions N     sessions (2000000)
  --data FOLDER    keeps the databases there, and uses those that are there; by default they are made and removed
`;

function count(name: string, value: string | undefined, byDefault: number): number {
  const number = value === undefined ? byDefault : Number(value);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${name}: must be a whole number from 1`);
  return number;
}

/** @throws on an unknown or invalid option. */
export function readOptions(args: string[]): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      turns: { type: 'string' },
      only: { type: 'string' },
      people: { type: 'string' },
      events: { type: 'string' },
      movers: { type: 'string' },
      workers: { type: 'boolean' },
      json: { type: 'string' },
      scenario: { type: 'string' },
      accounts: { type: 'string' },
      tokens: { type: 'string' },
      sessions: { type: 'string' },
      data: { type: 'string' },
    },
  });
  if (values.help) return 'help';
  const { scenario } = values;
  if (scenario !== undefined && scenario !== 'size' && scenario !== 'week')
    throw new Error('--scenario: there are size and week');
  const rounds = count('--rounds', values.rounds, values.quick || scenario === 'size' ? 1 : 3);
  return {
    rounds,
    turns: count('--turns', values.turns, 4),
    pace: values.quick ? 0.6 : 1,
    warmUp: values.quick ? 0.5 : 0.8,
    only: values.only,
    movers: count('--movers', values.movers, 20_000),
    rows: {
      people: count('--people', values.people, 50_000),
      events: count('--events', values.events, 500_000),
    },
    workers: values.workers ?? false,
    json: values.json,
    scenario,
    size: {
      accounts: count('--accounts', values.accounts, scenario === 'week' ? 10_000 : 1_000_000),
      tokens: count('--tokens', values.tokens, 10_000_000),
      events: count('--events', values.events, 50_000_000),
      sessions: count('--sessions', values.sessions, 2_000_000),
    },
    data: values.data,
  };
}
