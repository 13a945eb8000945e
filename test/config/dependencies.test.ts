import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const read = <T>(file: string): T =>
  JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../..', file), 'utf8')) as T;

interface Locked {
  engines?: { node?: string };
  hasInstallScript?: boolean;
  deprecated?: string;
}

const { packages } = read<{ packages: Record<string, Locked> }>('package-lock.json');
const { allowScripts } = read<{ allowScripts: Record<string, boolean> }>('package.json');
const locked = Object.entries(packages).map(
  ([place, one]) => [place.replace(/^.*node_modules\//, ''), one] as const,
);

/** The lowest major version of Node in a range such as "^18.18.0 || >=20.9.0". */
const oldest = (range: string): number =>
  Math.min(...range.split('||').map((part) => Number(/\d+/.exec(part)?.[0] ?? 0)));

it('no dependency excludes Node 20 or is deprecated, or npm ci would warn', () => {
  const warned = locked.filter(
    ([, { engines, deprecated }]) => oldest(engines?.node ?? '*') > 20 || deprecated !== undefined,
  );
  expect(warned.map(([name]) => name)).toEqual([]);
});

it('every install script is allowed or denied, or npm 11 would warn', () => {
  const undecided = locked.filter(([name, one]) => one.hasInstallScript && !(name in allowScripts));
  expect(undecided.map(([name]) => name)).toEqual([]);
});
