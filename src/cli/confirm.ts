import { UsageError } from './failure.ts';

/**
 * Asks for confirmation of an irreversible action. The prompt is on standard error; standard output is the command's
 * own.
 * @param yes whether the command line has confirmed already.
 * @throws UsageError without a terminal, or when the answer is not "yes".
 */
export async function confirm(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError('Cannot ask for confirmation without a terminal: use --yes.');
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`${question} Type "yes": `);
  terminal.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new UsageError('Nothing was changed.');
}
