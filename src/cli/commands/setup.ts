import { Argument, type Command } from 'commander';
import {
  CONFIRMABLE,
  type ConfirmableStep,
  type Overview,
  type Setup,
  type SetupChanges,
} from '../../domain/operators/overview.ts';
import { manager } from '../operator.ts';
import { type Report, reporting, table } from '../report.ts';

const reportOf = ({ steps, hidden }: Setup): Report => ({
  json: { steps, hidden },
  text: table(
    ['step', 'done'],
    steps.map(({ step, done, confirmable }) => [
      step,
      done ? 'yes' : confirmable ? `no; postern setup confirm ${step}` : 'no',
    ]),
  ),
});

async function using(work: (overview: Overview) => Promise<Setup>): Promise<Report> {
  const { withCore } = await import('../session.ts');
  return reportOf(await withCore(({ overview }) => work(overview)));
}

const change = (changes: SetupChanges) => using((overview) => overview.setUp(manager(), changes));

/** Confirms a step, or withdraws the confirmation. */
const confirm = (step: ConfirmableStep, isDone: boolean) =>
  using(async (overview) => {
    const { steps } = await overview.setup(manager());
    const confirmed = CONFIRMABLE.filter((one) =>
      one === step ? isDone : steps.some((known) => known.step === one && known.done),
    );
    return overview.setUp(manager(), { confirmed });
  });

export function addSetup(program: Command): void {
  const setup = program.command('setup').description('the first steps of a new service');
  reporting(setup.command('show', { isDefault: true }).description('list them, and what is done'), () =>
    using((overview) => overview.setup(manager())),
  );
  const step = () => new Argument('<step>', 'one that nothing else shows to be done').choices(CONFIRMABLE);
  reporting(
    setup.command('confirm').description('say that a step is done').addArgument(step()),
    (one: ConfirmableStep) => confirm(one, true),
  );
  reporting(
    setup.command('reopen').description('say that a step is not done').addArgument(step()),
    (one: ConfirmableStep) => confirm(one, false),
  );
  reporting(setup.command('hide').description('let the console show the list no more'), () =>
    change({ hidden: true }),
  );
  reporting(setup.command('unhide').description('let the console show the list again'), () =>
    change({ hidden: false }),
  );
}
