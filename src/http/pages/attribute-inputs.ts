/** The name of an attribute's form control. No dot: the form parser would create nested objects. */
export type AttributeInput = `attribute_${string}`;
export const inputOf = (name: string): AttributeInput => `attribute_${name}`;

export const isAttributeInput = (name: string): name is AttributeInput => name.startsWith('attribute_');

const FIELD = 'attributes.';

/** The form control of the domain's field `attributes.<name>`; undefined for other fields. */
export const inputOfField = (field: string): AttributeInput | undefined =>
  field.startsWith(FIELD) ? inputOf(field.slice(FIELD.length)) : undefined;
