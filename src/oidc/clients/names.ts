import { z } from 'zod';
import { nearest } from '../../core/nearest.ts';
import { extraMetadata } from './extra-metadata.ts';
import { properties, type Property } from './property.ts';
import { standardMetadata } from './standard-metadata.ts';

/**
 * The client metadata that can be set. Names, kinds, meanings, defaults, our checks, CLI options and what may be registered
 * follow from it, and docs/client-metadata.md shows it.
 */
export const clientMetadata = z.object({ ...standardMetadata, ...extraMetadata });

export type MetadataName = keyof typeof clientMetadata.shape;

const namesOf = <Name extends string>(shape: Record<Name, z.ZodType>) => Object.keys(shape) as Name[];

/** Library metadata that an operator may set. */
export const LIBRARY_METADATA = namesOf(standardMetadata);

/** Our metadata that the library has to accept. */
export const EXTRA_METADATA = namesOf(extraMetadata);

export const propertyOf = (name: MetadataName): Property => {
  const property = properties.get(clientMetadata.shape[name]);
  if (!property) throw new Error(`${name} has no description`);
  return property;
};

/** Where they are stored: the library camel-cases the metadata that it knows on its clients, and leaves the rest. */
export type ExtraClientProperties = Partial<z.output<z.ZodObject<typeof extraMetadata>>>;

/** Properties that are not set like the rest, and how to set them. */
const NOT_SET: Record<string, string> = {
  client_id: 'is chosen when the client is made: --client-id',
  client_name: 'is set by --name',
  client_secret: 'is made by the server: rotate-secret makes another, --client-secret-stdin brings one along',
  client_secret_expires_at: 'is the business of rotate-secret',
  client_id_issued_at: 'is the server’s to say',
  registration_access_token: 'is given to clients that register themselves',
  registration_client_uri: 'is given to clients that register themselves',
  software_statement: 'is what a client brings along that registers itself',
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
