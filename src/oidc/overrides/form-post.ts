import { isDeepStrictEqual } from 'node:util';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ProviderPages } from '../configuration.ts';
import type { Override } from './override.ts';

/** First bytes of the library's own page. Our pages, such as errors, begin differently. */
const LIBRARYS = /^<!DOCTYPE html>\n<html>\n<head>\n.*\n {2}<title>Submitting Callback<\/title>/;
const ACTION = /<form method="post" action="([^"]*)">/;
const INPUT = /<input type="hidden" name="([^"]*)" value="([^"]*)"\/>/g;

const ENTITIES: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};
const decode = (text: string): string =>
  text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);

interface Form {
  action: string;
  fields: (readonly [name: string, value: string])[];
}

/** The form in the library's page; null for any other page. */
function formIn(page: unknown): Form | null {
  if (typeof page !== 'string' || !LIBRARYS.test(page)) return null;
  const action = ACTION.exec(page)?.[1];
  if (action === undefined) return null;
  const fields = [...page.matchAll(INPUT)].map(([, name = '', value = '']) => [name, decode(value)] as const);
  return { action: decode(action), fields };
}

/**
 * Form Post Response Mode 1.0, also as `form_post.jwt` (JARM section 2.3.3). The library answers with a page whose inline
 * script no Content-Security-Policy of ours would run; so a page of ours shows its form, with a button where
 * JavaScript is off. The same page signs out a browser that returns as another person.
 */
function installFormPost(provider: Provider, page: ProviderPages['formPost']): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    await next();
    const form = formIn(ctx.body);
    if (form) await page(ctx, form);
  });
}

type Renderer = (ctx: object, action: string, fields: Record<string, string>) => void;

/** The library's renderer. It is called in four places and cannot be configured; undefined when it has moved. */
const MODULE: string = 'oidc-provider/lib/response_modes/form_post.js';
const render = await import(MODULE).then(
  (module: { default?: Renderer }) => module.default,
  () => undefined,
);

const SAMPLE: Form = {
  action: `https://app.example/callback?a=1&b="<'>`,
  fields: [
    ['code', 'abc-_123'],
    ['state', `"><script>alert(1)</script>&amp;'`],
  ],
};

/** Checks that the library's page can still be parsed. @throws Error otherwise. */
export function checkPage(renderer: Renderer | undefined): void {
  if (!renderer) throw new Error(`${MODULE} is not there any more`);
  const ctx = { status: 200, response: { get: () => '' }, body: undefined };
  renderer(ctx, SAMPLE.action, Object.fromEntries(SAMPLE.fields));
  if (!isDeepStrictEqual(formIn(ctx.body), SAMPLE))
    throw new Error('the page that posts a form cannot be read any more');
}

export const formPost: Override<{ pages: Pick<ProviderPages, 'formPost'> }> = {
  name: 'form-post',
  why: 'the library posts its forms by an inline script',
  provenFor: '9.13.x',
  upstream: null,
  check: () => checkPage(render),
  install: (provider, { pages }) => installFormPost(provider, pages.formPost),
};
