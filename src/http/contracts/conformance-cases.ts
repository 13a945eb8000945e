import type { Case } from './conformance.ts';

/**
 * What every contract has to refuse, in its own error shape.
 * @param section the heading of the document that shows the shape.
 * @param path of an operation that is there for POST alone, and reads JSON.
 */
export const refusalCases = (section: string, path: string): Case[] => [
  {
    section,
    name: 'answers 404 where there is nothing',
    run: async (visitor) => void (await visitor.send('GET', `${path}/no-such-thing`, {}, { status: 404 })),
  },
  {
    section,
    name: 'answers 405 with Allow to a method that is not there',
    async run(visitor) {
      await visitor.send('PATCH', path, {}, { status: 405, headers: { Allow: /\bPOST\b/ } });
    },
  },
  {
    section,
    name: 'answers 400 to a body that is no JSON',
    run: async (visitor) => void (await visitor.send('POST', path, { raw: '{"' }, { status: 400 })),
  },
  {
    section,
    name: 'answers 400 to a body without what is required',
    run: async (visitor) => void (await visitor.send('POST', path, { body: {} }, { status: 400 })),
  },
];

/** A page of interactive documentation. */
export const pageCase = (section: string, path: string): Case => ({
  section,
  name: `shows the documentation at ${path}`,
  async run(visitor) {
    await visitor.get(path, 200);
  },
});
