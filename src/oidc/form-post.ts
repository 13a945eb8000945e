import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { ProviderPages } from './configuration.ts';

/** How the library's own page begins. Pages of ours that stand in for it, errors, do not. */
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

/**
 * Form Post Response Mode 1.0, also as `form_post.jwt` (JARM section 2.3.3). The library answers with a page whose inline
 * script no Content-Security-Policy of ours would run; what is in its form is shown on a page of ours, which has a button
 * for whoever has no JavaScript.
 */
export function installFormPost(provider: Provider, page: ProviderPages['formPost']): void {
  provider.use(async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
    await next();
    const { body } = ctx;
    if (typeof body !== 'string' || !LIBRARYS.test(body)) return;
    const action = ACTION.exec(body)?.[1];
    if (action === undefined) return;
    const fields = [...body.matchAll(INPUT)].map(
      ([, name = '', value = '']) => [name, decode(value)] as const,
    );
    await page(ctx, { action: decode(action), fields });
  });
}
