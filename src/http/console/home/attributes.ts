import { DomainError } from '../../../core/errors.ts';
import type { AttributeSchemaInput } from '../../../config/attributes.ts';
import type { ConsoleCall } from '../call.ts';
import type { Room } from '../room.ts';

async function show(call: ConsoleCall): Promise<void> {
  const { schema, configured, version } = await call.services.attributes.find(call.operator);
  call.show('attributes', { text: JSON.stringify(schema, null, 2), configured, version });
}

/** Reads a JSON Schema. @throws DomainError invalid_request. */
function parsed(text: string): AttributeSchemaInput {
  try {
    return JSON.parse(text) as AttributeSchemaInput;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'JSON';
    throw new DomainError('invalid_request', { field: 'schema', reason });
  }
}

/** The attributes of accounts beyond the profile, as a JSON Schema. */
export function attributeRoutes({ page, form }: Room): void {
  page('/attributes', { section: 'settings' }, show);
  form(
    '/attributes',
    {
      section: 'settings',
      permission: 'settings:write',
      fresh: true,
      trail: () => ({ type: ['attributes.updated'] }),
    },
    show,
    async (call) => {
      const { services, operator } = call;
      await services.attributes.update(operator, parsed(call.raw('schema')), call.expected);
      call.done('/admin/attributes', 'console.attributes.saved');
    },
  );
}
