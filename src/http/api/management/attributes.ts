import { managed, type OperatorCall } from '../operation.ts';
import { resource } from './presenters.ts';
import * as schemas from './schemas.ts';

const asItIs = ({ operator, services }: OperatorCall<unknown, unknown>) => services.attributes.find(operator);

/** What accounts have beyond the profile. */
export const attributes = [
  managed({
    id: 'getAttributes',
    method: 'get',
    path: '/attributes',
    summary: 'The JSON Schema of the attributes of accounts',
    scope: 'settings:read',
    replies: { 200: schemas.AttributeDefinition },
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'setAttributes',
    method: 'put',
    path: '/attributes',
    summary: 'Replace the schema; what accounts have stays, and what fits no more is sent to no app',
    scope: 'settings:write',
    fresh: true,
    body: schemas.AttributeDefinitionChange,
    replies: { 200: schemas.AttributeDefinition },
    refusals: [412],
    async handle({ operator, body, expected, services }) {
      return resource(200, await services.attributes.update(operator, body.schema, expected));
    },
    current: asItIs,
  }),
];
