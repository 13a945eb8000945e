import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Job } from './load/generator.ts';
import type { Measurement } from './load/measure.ts';
import type { Options } from './options.ts';
import type { Step, Variant } from './plan.ts';
import { CONNECTIONS } from './scenarios/scenario.ts';
import { type Results, spreadOf } from './results.ts';
import { startImport } from './stage/importing.ts';
import { type Server, type Stage, startServer } from './stage/servers.ts';

/** Separate processes generate the measured load and the background load. */
export class Generator {
  readonly #process: ChildProcess = fork(path.join(import.meta.dirname, 'load/generator.ts'));

  get pid(): number {
    return this.#process.pid!;
  }

  async run(job: Job): Promise<Measurement[][]> {
    this.#process.send(job);
    const [answer] = (await once(this.#process, 'message')) as [Answer];
    if ('error' in answer) throw new Error(answer.error);
    return answer.measurements;
  }

  [Symbol.dispose](): void {
    this.#process.disconnect();
  }
}

interface Generators {
  main: Generator;
  beside: Generator;
}

/** Measures a step once; its loads take turns in the given order. */
async function runStep(
  step: Step,
  servers: Map<Variant, Server>,
  options: Options,
  { main, beside }: Generators,
) {
  const loads = step.loads.map(({ scenario, variant }) => ({
    scenario,
    target: servers.get(variant)!.target,
  }));
  const job = {
    connections: step.connections ?? CONNECTIONS,
    warmUp: options.warmUp + (step.extraWarmUp ?? 0),
    turns: options.turns,
    seconds: (step.turn ?? 0.5) * options.pace,
  };
  const rate = step.rate ?? null;
  if (!step.beside) return { measured: await main.run({ ...job, loads, rate }), others: null };
  // The background load starts before the measurement and ends after it.
  const { scenario: other, rate: otherRate } = step.beside;
  const besides = loads.map(({ target }) => ({ scenario: other, target }));
  const others = beside.run({
    ...job,
    loads: besides,
    rate: otherRate,
    turns: 1,
    seconds: job.turns * job.seconds + 2,
  });
  const measured = sleep(1000).then(async () => main.run({ ...job, loads, rate }));
  return { measured: await measured, others: await others };
}

function show(round: number, name: string, turns: Measurement[]): void {
  const of = (metric: keyof Measurement, digits: number) =>
    spreadOf(turns.map((turn) => turn[metric]))!.median.toFixed(digits);
  const numbers = `${of('rate', 0)}/s  p50 ${of('p50', 1)} ms  p99 ${of('p99', 1)} ms  ${of('cpu', 0)} µs`;
  console.error(`round ${round + 1}  ${name}  ${numbers}`);
}

/** Measures every step on its servers, round by round. Each round starts fresh processes, in rotated order. */
export async function runRounds(
  stage: Stage,
  steps: Step[],
  options: Options,
  results: Results,
): Promise<void> {
  using main = new Generator();
  using beside = new Generator();
  const wanted = [...new Set(steps.flatMap(({ loads }) => loads.map(({ variant }) => variant)))];
  for (let round = 0; round < options.rounds; round++) {
    const turned = <T>(list: T[]) => (round % 2 === 0 ? list : list.toReversed());
    await using processes = new AsyncDisposableStack();
    const servers = new Map<Variant, Server>();
    for (const variant of turned(wanted)) {
      const server = await startServer(stage, variant);
      processes.defer(server.stop);
      servers.set(variant, server);
      results.addFact(`ready/${variant}`, server.readyAfter);
      results.addFact(`idle/${variant}`, server.idleMemory);
    }
    for (const step of steps) {
      const loads = turned(step.loads);
      const moving = step.importing && (await startImport(stage, options.movers, `round${round}`));
      const { measured, others } = await runStep({ ...step, loads }, servers, options, { main, beside });
      if (moving) {
        for (const [name, value] of Object.entries(await moving.done))
          results.addFact(`import/${name}`, value);
      }
      for (const [index, { scenario, variant }] of loads.entries()) {
        results.add(`${scenario}/${variant}`, measured[index]!);
        show(round, `${scenario}  ${variant}`, measured[index]!);
        if (others) results.add(`${scenario}:${step.beside!.scenario}/${variant}`, others[index]!);
      }
    }
  }
}
