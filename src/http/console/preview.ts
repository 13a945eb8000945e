import { escapeHtml } from '../pages/templates.ts';
import type { ConsoleCall } from './call.ts';

/** Nothing but the styles and the pictures of the page itself; no script, no form, no way out of the frame. */
const POLICY = [
  `default-src 'none'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'self'`,
  'sandbox',
].join('; ');

/**
 * Answers with a page that is shown in a frame of the console: what operators wrote cannot reach the console around it.
 * @param html null for one that cannot be made. @param problem why it cannot
 */
export function showSandboxed({ ctx }: ConsoleCall, html: string | null, problem = ''): void {
  ctx.set({ 'Content-Security-Policy': POLICY, 'X-Frame-Options': 'SAMEORIGIN' });
  ctx.status = html === null ? 400 : 200;
  ctx.type = 'html';
  ctx.body =
    html ??
    `<!doctype html><html lang="en"><meta name="color-scheme" content="light dark"><title>Preview</title><body><p>${escapeHtml(problem)}</p></body></html>`;
}
