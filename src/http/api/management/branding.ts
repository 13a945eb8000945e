import { z } from 'zod';
import { LANGUAGES } from '../../../core/languages.ts';
import { type BrandingRecord, LOGO_TYPES, type Look, TEXTS } from '../../../domain/operators/branding.ts';
import { text } from '../../endpoints/text.ts';
import { managed, type OperatorCall } from '../operation.ts';
import { resource } from './presenters.ts';
import { listOf, moment, version } from './schemas.ts';

const Logo = z.strictObject({ type: z.string(), data: z.string().describe('Base64') });
const Texts = z
  .record(z.string(), z.record(z.string(), z.string()))
  .describe(`By language, then by name: ${TEXTS.join(', ')}`);
const LookReply = z.strictObject({
  name: z.string().nullable().describe('null for the name in the configuration'),
  logo: Logo.nullable(),
  logo_dark: Logo.nullable().describe('On dark pages, in place of the logo'),
  colors: z.strictObject({ light: z.string().nullable(), dark: z.string().nullable() }),
  texts: Texts,
});
const Branding = LookReply.extend({
  apps: z.record(z.string(), LookReply).describe('What differs for single apps, by client_id'),
  version,
});

const color = z
  .string()
  .regex(/^#[0-9a-f]{6}$/i)
  .describe('Like #2f5bea; must have a contrast of 3 with the page (WCAG 2.2 AA)');
const plain = text('Plain text, without markup and links').max(400);
const logo = z.strictObject({
  type: z.enum(LOGO_TYPES as [string, ...string[]]),
  data: text('At most 32 KiB, in base64').max(50_000),
});
const LookChanges = z.strictObject({
  name: plain.nullable().optional(),
  logo: logo.nullable().optional(),
  logo_dark: logo.nullable().optional().describe('On dark pages, in place of the logo'),
  colors: z
    .strictObject({ light: color.nullable().optional(), dark: color.nullable().optional() })
    .nullable()
    .optional(),
  texts: z
    .record(z.string(), z.record(z.string(), plain.nullable()).nullable())
    .nullable()
    .optional()
    .describe(`By language (${LANGUAGES.join(', ')}), then by name: ${TEXTS.join(', ')}`),
});
const BrandingChanges = LookChanges.extend({
  apps: z.record(z.string().max(255), LookChanges.nullable()).nullable().optional(),
});

const lookOf = ({ name, colors, texts, ...logos }: Look): z.infer<typeof LookReply> => ({
  name: name ?? null,
  logo: logos.logo ?? null,
  logo_dark: logos.logo_dark ?? null,
  colors: { light: colors?.light ?? null, dark: colors?.dark ?? null },
  texts: texts ?? {},
});
const brandingOf = ({ content, version: current }: BrandingRecord): z.infer<typeof Branding> => ({
  ...lookOf(content),
  apps: Object.fromEntries(Object.entries(content.apps ?? {}).map(([id, look]) => [id, lookOf(look)])),
  version: current,
});

const Versions = listOf(
  Branding.extend({
    created_at: moment,
    changed: z.array(z.string()).describe('What differs from the previous version'),
  }),
);
const Undo = z
  .strictObject({
    version: z.int().min(1).optional().describe('The version to restore; default: the previous one'),
  })
  .optional();

const asItIs = async ({ services }: OperatorCall<unknown, unknown>) =>
  brandingOf(await services.branding.show());

/** The look and the texts of pages and mail. */
export const branding = [
  managed({
    id: 'getBranding',
    method: 'get',
    path: '/branding',
    summary: 'Get what differs from the configuration in the look and the texts of pages and mail',
    scope: null,
    replies: { 200: Branding },
    handle: async (call) => resource(200, await asItIs(call)),
  }),
  managed({
    id: 'listBrandingVersions',
    method: 'get',
    path: '/branding/versions',
    summary: 'List the latest versions, at most fifty, newest first',
    scope: null,
    replies: { 200: Versions },
    async handle({ services }) {
      const items = (await services.branding.history()).map((one) => ({
        ...brandingOf(one),
        created_at: one.createdAt.toISOString(),
        changed: one.changed,
      }));
      return { status: 200, body: { items, next_cursor: null } };
    },
  }),
  managed({
    id: 'updateBranding',
    method: 'patch',
    path: '/branding',
    summary:
      'Change the look and the texts of pages and mail, on all nodes at once; null restores the default',
    scope: 'branding:write',
    body: BrandingChanges,
    replies: { 200: Branding },
    refusals: [404, 412],
    async handle({ operator, body, expected, services }) {
      return resource(200, brandingOf(await services.branding.update(operator, body, expected)));
    },
    current: asItIs,
  }),
  managed({
    id: 'undoBranding',
    method: 'post',
    path: '/branding/undo',
    summary: 'Restore the previous version, or another one that is kept, as a new version',
    scope: 'branding:write',
    body: Undo,
    replies: { 200: Branding },
    refusals: [404, 412],
    async handle({ operator, body, expected, services }) {
      return resource(200, brandingOf(await services.branding.undo(operator, expected, body?.version)));
    },
    current: asItIs,
  }),
];
