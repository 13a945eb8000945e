import { z } from 'zod';
import { extraMetadata } from './extra-metadata.ts';
import { type Property, properties } from './property.ts';
import { standardMetadata } from './standard-metadata.ts';

/**
 * The client metadata that can be set. Names, kinds, meanings, defaults, our own checks, options of the CLI and what may be
 * registered follow from it, and docs/client-metadata.md shows it.
 */
export const clientMetadata = z.object({ ...standardMetadata, ...extraMetadata });

export type MetadataName = keyof typeof clientMetadata.shape;

const namesOf = <Name extends string>(shape: Record<Name, z.ZodType>) => Object.keys(shape) as Name[];

/** Library metadata that an operator may set. */
export const LIBRARY_METADATA = namesOf(standardMetadata);

/** Metadata of ours that the library shall accept. */
export const EXTRA_METADATA = namesOf(extraMetadata);

export const propertyOf = (name: MetadataName): Property => {
  const property = properties.get(clientMetadata.shape[name]);
  if (!property) throw new Error(`${name} has no description`);
  return property;
};

/** Where they are read: the library camel-cases the metadata that it knows on its clients, and leaves the rest as it is. */
export type ExtraClientProperties = Partial<z.output<z.ZodObject<typeof extraMetadata>>>;
