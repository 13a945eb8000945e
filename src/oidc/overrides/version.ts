import { readFileSync } from 'node:fs';

export const LIBRARY = 'oidc-provider';

/** The version of the library that is installed. */
export function libraryVersion(): string {
  const manifest = new URL('../package.json', import.meta.resolve(LIBRARY));
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** Whether a version is one of a range like `9.13.x`. */
export function isWithin(range: string, version: string): boolean {
  const parts = version.split('.');
  return range.split('.').every((part, index) => part === 'x' || part === parts[index]);
}
