import type { Staging } from '../../../storage/import-staging.ts';
import type { Row } from '../importer.ts';
import type { Problem } from '../problems.ts';
import type { Input } from './input.ts';
import type { Mapping } from './mapping.ts';

/** The input of a reader. */
export interface Reading {
  input: Input;
  /** Companion files of the same export. */
  companions: readonly Input[];
  staging: Staging;
  mapping: Mapping;
  /** Django's `app.model`. */
  model: string;
  /** Settings that all hashes of the file share. */
  hashParams: Record<string, unknown>;
  /** A problem that belongs to no record. */
  tell(problem: Problem): void;
}

/** Turns an export into records. It reads the companions first. */
export type Reader = (reading: Reading) => AsyncIterable<Row>;

/** Groups of a stream's items, for one query about each group. */
export async function* chunksOf<T>(items: AsyncIterable<T>, size = 500): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** A key in a form that the database can store. */
const plainKey = (key: string): string => key.replaceAll('\0', ' ').toWellFormed();

/** Keeps parts of records until the records come. */
export async function stage<T>(
  staging: Staging,
  kind: string,
  parts: AsyncIterable<T>,
  keyOf: (part: T) => string | undefined,
  valueOf: (part: T) => unknown = (part) => part,
): Promise<void> {
  for await (const chunk of chunksOf(parts)) {
    const rows = chunk.flatMap((part) => {
      const key = keyOf(part);
      return key === undefined ? [] : [{ key: plainKey(key), value: valueOf(part) }];
    });
    await staging.put(kind, rows);
  }
}
