import { nearest } from '../../core/nearest.ts';
import { EXTRA_METADATA, LIBRARY_METADATA } from './metadata.ts';

/** Properties that are not set like the rest, and how to set them. */
const NOT_SET: Record<string, string> = {
  client_id: 'is chosen when the client is made: --client-id',
  client_name: 'is set by --name',
  client_secret: 'is made by the server: rotate-secret makes another, --client-secret-stdin brings one along',
  client_secret_expires_at: 'is the business of rotate-secret',
  client_id_issued_at: 'is the server’s to say',
  registration_access_token: 'is given to clients that register themselves',
  registration_client_uri: 'is given to clients that register themselves',
  software_statement: 'is not taken',
  api_scope: 'is part of scope',
};

const KNOWN = new Set<string>([...LIBRARY_METADATA, ...EXTRA_METADATA]);

/** Why a property of this name cannot be set, or null. */
export function nameProblem(name: string): string | null {
  if (Object.hasOwn(NOT_SET, name)) return NOT_SET[name] ?? null;
  if (KNOWN.has(name)) return null;
  const meant = nearest(name, KNOWN);
  return `is no client metadata${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
