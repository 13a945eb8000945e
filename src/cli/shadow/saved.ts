/** Loads the report of an earlier run, to continue it. */
import { readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

const count = z.int().min(0);
const times = z.object({ buckets: z.array(z.tuple([z.int().min(0), count])) });
const outage = z
  .object({ requests: count, since: z.string(), last_at: z.string(), error: z.string() })
  .nullable();
const asked = { operation: z.string(), endpoint: z.string() };

const Saved = z.object({
  door: z.string(),
  old: z.string(),
  postern: z.string(),
  since: z.iso.datetime(),
  requests: count,
  not_compared: z.record(z.string(), count),
  old_down: outage,
  postern_down: outage,
  added_latency_ms: times,
  operations: z.array(
    z.object({ ...asked, requests: count, compared: count, differing: count, old: times, postern: times }),
  ),
  differences: z.array(
    z.object({
      ...asked,
      kind: z.enum(['status', 'header', 'field', 'type', 'value']),
      at: z.string(),
      old: z.string(),
      postern: z.string(),
      count,
      first_at: z.string(),
      last_at: z.string(),
      example: z.object({ request: z.string(), old: z.unknown(), postern: z.unknown() }),
    }),
  ),
  differences_omitted: count,
});

export type SavedReport = z.infer<typeof Saved>;

/**
 * Reads a folder's report of the same contract and servers. Renames any other, so that nothing is lost. @returns null
 * when there is none to continue, and the new name of another one.
 */
export async function readSaved(
  folder: string,
  where: { door: string; old: string; postern: string },
): Promise<{ saved: SavedReport | null; kept: string | null }> {
  const file = path.join(folder, 'report.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { saved: null, kept: null };
    throw error;
  }
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    // Renamed below.
  }
  const { data } = Saved.safeParse(content);
  const isSame = data && data.door === where.door && data.old === where.old && data.postern === where.postern;
  if (isSame) return { saved: data, kept: null };
  const kept = `report-until-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`;
  await rename(file, path.join(folder, kept));
  return { saved: null, kept };
}
