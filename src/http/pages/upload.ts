import type { Middleware } from 'koa';
import { DomainError } from '../../core/errors.ts';
import { readBytes } from '../endpoints/json-body.ts';
import { readForm } from './form.ts';

/** A file of a form: its media type as the browser says it, and its bytes in base64. */
export interface Upload {
  type: string;
  data: string;
}

/** The longest form with a file, in bytes. */
const LIMIT = 98_304;

/**
 * Reads a form that may hold a file (multipart/form-data, RFC 7578): its texts into the request's body, its files by name
 * into `ctx.state.uploads`. A file that was not chosen is left out. Another form is read as `readForm` does.
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
