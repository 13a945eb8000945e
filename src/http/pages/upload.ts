import type { Middleware } from 'koa';
import { DomainError } from '../../core/errors.ts';
import { readBytes } from '../endpoints/json-body.ts';
import { readForm } from './form.ts';

/** A file of a form: its media type as sent by the browser, and its content in base64. */
export interface Upload {
  type: string;
  data: string;
}

/** Maximum bytes of a form with a file. */
const LIMIT = 98_304;

/**
 * Reads a form that may contain a file (multipart/form-data, RFC 7578): texts into the request's body, files by name into
 * `ctx.state.uploads`. Omits a file that was not chosen. Reads other forms as `readForm` does.
 */
export const readUpload: Middleware = async (ctx, next) => {
  if (!ctx.is('multipart')) return readForm(ctx, next);
  const bytes = await readBytes(ctx.req, LIMIT);
  const uploads: Record<string, Upload> = {};
  const fields: Record<string, string | string[]> = {};
  try {
    const headers = { 'content-type': ctx.get('content-type') };
    const form = await new Response(new Uint8Array(bytes), { headers }).formData();
    for (const name of new Set(form.keys())) {
      const values = form.getAll(name);
      const texts = values.filter((value) => typeof value === 'string');
      const file = values.find((value) => typeof value !== 'string');
      if (texts.length > 0) fields[name] = texts.length === 1 ? texts[0]! : texts;
      if (file && file.size > 0)
        uploads[name] = { type: file.type, data: Buffer.from(await file.arrayBuffer()).toString('base64') };
    }
  } catch (error) {
    throw new DomainError('invalid_request', { reason: 'body' }, { cause: error });
  }
  ctx.request.body = fields;
  ctx.state['uploads'] = uploads;
  return next();
};
