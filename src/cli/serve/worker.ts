import { explainFailure } from '../failure.ts';
import { toAdmin } from './banner.ts';
import { logCrash, serverLogger } from './logs.ts';
import { type FromWorker, releaseMemory, type ToWorker, yieldToRequests } from './process.ts';

const tell = (message: FromWorker): void => void process.send?.(message);

/** Resolves with the first message of a type. */
function message<Type extends ToWorker['type']>(type: Type): Promise<Extract<ToWorker, { type: Type }>> {
  return new Promise((resolve) => {
    process.on('message', (received: ToWorker) => {
      if (received.type === type) resolve(received as Extract<ToWorker, { type: Type }>);
    });
  });
}

/** A worker process, controlled by the primary. */
export async function work(quiet: boolean): Promise<void> {
  // Ignore signals: terminals and service managers send them to every process, and the primary coordinates the stop.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
  const [assigned, close, drain] = [
    message('postern:serve'),
    message('postern:close'),
    message('postern:drain'),
  ];
  const { serve } = await import('../../main.ts');
  const { config, databaseUrl, secretsKey } = await assigned;
  const logger = serverLogger(config, quiet);
  logCrash(logger);
  try {
    const serving = await serve({ config, databaseUrl, secretsKey }, logger);
    await yieldToRequests();
    releaseMemory();
    tell({ type: 'postern:ready', firstAdmin: toAdmin(serving.firstAdmin) });
    await close;
    await serving.close();
    tell({ type: 'postern:closed' });
    await drain;
    await serving.drain();
  } catch (error) {
    tell({ type: 'postern:failed', reason: explainFailure(error).message });
    process.exitCode = 1;
  }
}
