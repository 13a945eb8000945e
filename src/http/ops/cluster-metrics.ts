import cluster, { type Worker } from 'node:cluster';
import type { Registry } from 'prom-client';
import { AggregatorRegistry } from 'prom-client';

/** A scrape reaches one worker. It asks the primary, which asks all workers. */
interface Message {
  type: 'postern:metrics';
  id: number;
  /** Null when a worker did not answer. */
  text?: string | null;
}

const TYPE = 'postern:metrics';

const isMessage = (message: unknown): message is Message =>
  typeof message === 'object' && message !== null && 'type' in message && message.type === TYPE;

/** Returns the metrics of `registry`, summed with those of the other workers if there are any. */
export function exposition(registry: Registry): () => Promise<string> {
  if (!cluster.isWorker) return () => registry.metrics();
  AggregatorRegistry.setRegistries([registry]);
  // The constructor subscribes to the primary's requests for that registry.
  void new AggregatorRegistry();
  const waiting = new Map<number, PromiseWithResolvers<string>>();
  let last = 0;
  process.on('message', (message) => {
    if (!isMessage(message)) return;
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (typeof message.text === 'string') asked?.resolve(message.text);
    else asked?.reject(new Error('a worker did not report its metrics'));
  });
  return () => {
    const asked = Promise.withResolvers<string>();
    last += 1;
    waiting.set(last, asked);
    process.send?.({ type: TYPE, id: last } satisfies Message);
    return asked.promise;
  };
}

/** The primary's part: answers workers that request the metrics of all. */
export function answerMetrics(): void {
  const aggregator = new AggregatorRegistry();
  const answer = async (worker: Worker, id: number) => {
    const text = await aggregator.clusterMetrics().catch(() => null);
    if (worker.isConnected()) worker.send({ type: TYPE, id, text } satisfies Message);
  };
  cluster.on('message', (worker, message) => {
    if (isMessage(message)) void answer(worker, message.id);
  });
}
