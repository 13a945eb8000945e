import type { ServerResponse } from 'node:http';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { PUBLIC_DOCUMENTS } from './endpoints.ts';

/** Metadata of the library that does not apply: there are no user codes (CIBA Core section 4). */
const NOT_OFFERED = { backchannel_user_code_parameter_supported: false };

/** Seconds that clients may keep discovery and the JWK Set: shorter than the lead of a new key. */
const MAX_AGE = 60;

/**
 * Discovery and the JWK Set change only with the keys and with whether metadata documents are accepted. The provider's first
 * reply is kept and served. Both are public and the same for everybody, cross-origin too.
 */
export class Prebuilt {
  readonly #takesDocuments: () => boolean;
  #replies = new Map<string, string>();
  /** Whether the prebuilt replies announce client metadata documents. */
  #saysDocuments = false;

  /** @param takesDocuments whether clients may be metadata documents at present */
  constructor(takesDocuments: () => boolean) {
    this.#takesDocuments = takesDocuments;
  }

  /** Uses the replies of `provider` from now on. */
  attach(provider: Provider): void {
    const replies = new Map<string, string>();
    this.#replies = replies;
    const keep = async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>) => {
      await next();
      if (ctx.method !== 'GET' || ctx.status !== 200) return;
      const takesDocuments = this.#takesDocuments();
      if (ctx.oidc.route === 'discovery')
        Object.assign(ctx.body as object, NOT_OFFERED, {
          client_id_metadata_document_supported: takesDocuments || undefined,
        });
      if (takesDocuments !== this.#saysDocuments) replies.clear();
      this.#saysDocuments = takesDocuments;
      ctx.set('Cache-Control', `public, max-age=${MAX_AGE}`);
      replies.set(ctx.path, JSON.stringify(ctx.body));
    };
    provider.use((ctx: KoaContextWithOIDC, next: () => Promise<unknown>) =>
      PUBLIC_DOCUMENTS.has(ctx.path) ? keep(ctx, next) : next(),
    );
  }

  /** Answers when it can. @returns whether it did. */
  serve(method: string | undefined, path: string, res: ServerResponse): boolean {
    const body = method === 'GET' ? this.#replies.get(path) : undefined;
    if (!body || this.#takesDocuments() !== this.#saysDocuments) return false;
    res.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': `public, max-age=${MAX_AGE}`,
      'Access-Control-Allow-Origin': '*',
    });
    // A string is sent in one write with the header.
    res.end(body);
    return true;
  }
}
