import type { Command } from 'commander';
import type { ApplyOptions, Change, Plan } from '../../domain/apply/index.ts';
import { shellOperator } from '../../domain/operators/operator.ts';
import { confirm } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { operator } from '../operator.ts';
import { repeated } from '../options.ts';
import { type Report, reporting, shown } from '../report.ts';

interface Options {
  file: string[];
  yes?: boolean;
  check?: boolean;
  prune?: boolean;
  takeOver?: boolean;
  json?: boolean;
}

/** The exit status of --check when there is something to change. */
const PENDING = 3;

const SIGN = { create: '+', update: '~', delete: '-' } as const;
const WORD = { create: 'create', update: 'change', delete: 'delete' } as const;

function lineOf({ action, kind, id, fields }: Change): string {
  const lines = Object.entries(fields).map(([name, { before, after }]) => {
    if (action === 'create') return `      ${name}: ${shown(after)}`;
    if (action === 'delete') return `      ${name}: ${shown(before)}`;
    return `      ${name}: ${shown(before)} -> ${shown(after)}`;
  });
  return [`  ${SIGN[action]} ${WORD[action]} ${kind} ${id}`, ...lines].join('\n');
}

/** Renders the plan for people. */
function textOf({ changes }: Plan): string {
  if (changes.length === 0) return 'No changes.';
  const count = (action: Change['action']) => changes.filter((one) => one.action === action).length;
  const sum = `${count('create')} to create, ${count('update')} to change, ${count('delete')} to delete.`;
  return [...changes.map(lineOf), sum].join('\n');
}

const jsonOf = ({ changes }: Plan, applied: boolean) => ({
  changes: changes.map(({ version: _version, ...change }) => change),
  applied,
});

async function apply(options: Options): Promise<Report> {
  const { readFiles } = await import('../apply/read.ts');
  const { owner, wanted } = readFiles(options.file);
  const { withCore } = await import('../session.ts');
  const by = shellOperator(operator());
  const settings: ApplyOptions = {
    owner,
    takeOver: options.takeOver ?? false,
    prune: options.prune ?? false,
  };
  return withCore(async ({ applying }): Promise<Report> => {
    const plan = await applying.plan(by, wanted, settings);
    if (plan.conflicts.length > 0) {
      const all = plan.conflicts.map(
        ({ kind, id, owner: other }) => `${kind} ${id} is managed by ${other ?? 'nobody'}, not by ${owner}`,
      );
      throw new UsageError(`${all.join('\n')}\nNothing was changed. To manage them here, use --take-over.`);
    }
    const text = textOf(plan);
    if (plan.changes.length === 0) return { json: jsonOf(plan, false), text };
    if (options.check) return { json: jsonOf(plan, false), text, exitCode: PENDING };
    if (!options.yes) console.error(text);
    await confirm('Apply this?', options.yes ?? false);
    await applying.apply(by, wanted, settings, plan);
    return { json: jsonOf(plan, true), text: options.yes ? `${text}\nApplied.` : 'Applied.' };
  });
}

export function addApply(program: Command): void {
  reporting(
    program
      .command('apply')
      .description(
        'make clients, APIs, roles, groups and so on match files: shows a plan, asks, applies all of it or nothing',
      )
      .requiredOption(
        '-f, --file <file>',
        'configuration file; - for standard input (can be repeated)',
        repeated,
      )
      .option('--yes', 'skip the confirmation')
      .option('--check', `change nothing; exit status 0 if nothing differs, ${PENDING} if something does`)
      .option('--prune', 'delete managed resources that are in no file any more')
      .option('--take-over', 'also manage resources that were created elsewhere'),
    apply,
  );
}
