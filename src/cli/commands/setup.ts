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
  const setup = program.command('setup').description('first steps of a new service');
  reporting(setup.command('show', { isDefault: true }).description('list the steps and which are done'), () =>
    using((overview) => overview.setup(manager())),
  );
  const step = () => new Argument('<step>', 'step that Postern cannot check by itself').choices(CONFIRMABLE);
  reporting(
    setup.command('confirm').description('mark a step as done').addArgument(step()),
    (one: ConfirmableStep) => confirm(one, true),
  );
  reporting(
    setup.command('reopen').description('mark a step as not done').addArgument(step()),
    (one: ConfirmableStep) => confirm(one, false),
  );
  reporting(setup.command('hide').description('hide the list in the console'), () =>
    change({ hidden: true }),
  );
  reporting(setup.command('unhide').description('show the list in the console again'), () =>
    change({ hidden: false }),
  );
}
