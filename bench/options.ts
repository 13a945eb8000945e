import { parseArgs } from 'node:util';

export interface Options {
  /** Each round measures every server in a fresh process. */
  rounds: number;
  /** Seconds before counting, and seconds that count. */
  warmUp: number;
  seconds: number;
  /** Only the scenarios whose name contains it, with what they are compared with. */
  only: string | undefined;
  /** A file for the numbers. */
  json: string | undefined;
}

export const usage = `npm run bench -- [--quick] [--rounds N] [--only NAME] [--json FILE]

  --quick       one short round (about two minutes instead of seven)
  --rounds N    rounds, each with fresh processes (3)
  --only NAME   only scenarios whose name contains NAME, with what they are compared with
  --json FILE   writes every number there
`;

/** @throws when an option is unknown or makes no sense. */
export function readOptions(args: string[]): Options | 'help' {
  const { values } = parseArgs({
    args,
    options: {
      help: { type: 'boolean', short: 'h' },
      quick: { type: 'boolean' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
    },
  });
  if (values.help) return 'help';
  const rounds = values.rounds === undefined ? (values.quick ? 1 : 3) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: must be a whole number from 1');
  return {
    rounds,
    warmUp: values.quick ? 0.8 : 1,
    seconds: values.quick ? 1.5 : 2.5,
    only: values.only,
    json: values.json,
  };
}
