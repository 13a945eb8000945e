import { type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { textOf } from '../core/text.ts';
import type { Payload } from '../storage/oidc/adapter.ts';
import type { Related, RelatedIds, RelatedReader } from '../storage/oidc/postgres-related.ts';
import type { UserRecord } from '../storage/users.ts';

/** Endpoints where the library, once it has a token, reads what the token belongs to; whether that includes the account. */
const READS_ACCOUNT: Partial<Record<string, boolean>> = { token: true, userinfo: true, introspection: false };

const TOKENS = new Set(['AuthorizationCode', 'AccessToken', 'RefreshToken']);

/** The endpoint that a request is for. Undefined for a page. */
const routeOf = ({ oidc }: { oidc?: KoaContextWithOIDC['oidc'] }): string | undefined => oidc?.route;

/** What the library will ask for next, after it has found this record. */
function relatedTo(ctx: KoaContextWithOIDC, model: string, found: Payload): RelatedIds | undefined {
  const readsAccount = READS_ACCOUNT[routeOf(ctx) ?? ''];
  if (readsAccount === undefined || !TOKENS.has(model) || textOf(found['grantId']) === null) return undefined;
  return {
    grantId: textOf(found['grantId']),
    sessionUid: found['expiresWithSession'] === true ? textOf(found['sessionUid']) : null,
    accountId: readsAccount ? textOf(found['accountId']) : null,
  };
}

interface Ahead {
  ids: RelatedIds;
  related: Promise<Related>;
}

/**
 * Reads a token's grant, session and account, or a session's grant and account, by one statement, where the library asks for one
 * after another. What is read ahead serves one question of the same request; the next one, or any after a change by this request,
 * is answered by the store.
 */
export class ReadAhead {
  readonly #reader: RelatedReader;
  readonly #requests = new WeakMap<object, Ahead>();

  constructor(reader: RelatedReader) {
    this.#reader = reader;
  }

  /** A refresh token that is presented, along with what it names. Undefined if it is asked for on another occasion. */
  refreshToken(id: string): Promise<Payload | undefined> | undefined {
    const { ctx } = Provider;
    return ctx && routeOf(ctx) === 'token' && !this.#requests.has(ctx)
      ? this.#refreshToken(ctx, id)
      : undefined;
  }

  async #refreshToken(ctx: KoaContextWithOIDC, id: string): Promise<Payload | undefined> {
    const found = await this.#reader.refreshToken(id);
    const ids = found && relatedTo(ctx, 'RefreshToken', found.token);
    if (!ids) return found?.token;
    const { token, related } = found;
    // The account that was read is that of the grant.
    if (related.grant?.['accountId'] !== ids.accountId) ids.accountId = null;
    this.#requests.set(ctx, { ids, related: Promise.resolve(related) });
    return token;
  }

  /**
   * The session of a browser, along with its account and its grant for the client that asks: at a page or for an authorization
   * request. Undefined if it is asked for on another occasion.
   */
  browserSession(id: string): Promise<Payload | undefined> | undefined {
    const { ctx } = Provider;
    if (!ctx || this.#requests.has(ctx)) return undefined;
    const route = routeOf(ctx);
    if (route === undefined) return this.#browserSession(ctx, id, null);
    return route === 'authorization'
      ? this.#browserSession(ctx, id, textOf(ctx.query['client_id']))
      : undefined;
  }

  async #browserSession(
    ctx: KoaContextWithOIDC,
    id: string,
    clientId: string | null,
  ): Promise<Payload | undefined> {
    const found = await this.#reader.session(id, clientId);
    if (found) this.#requests.set(ctx, { ids: found.ids, related: Promise.resolve(found.related) });
    return found?.session;
  }

  /** Starts to read what a record that was just found names. */
  start(model: string, found: Payload | undefined): void {
    const { ctx } = Provider;
    if (!ctx || !found || this.#requests.has(ctx)) return;
    const ids = relatedTo(ctx, model, found);
    if (!ids) return;
    const related = this.#reader.related(ids);
    // Whoever asks gets the error.
    related.catch(() => undefined);
    this.#requests.set(ctx, { ids, related });
  }

  /** A grant that was read ahead; at the token endpoint any, along with its account. Undefined on other occasions. */
  grant(id: string): Promise<Payload | undefined> | undefined {
    const taken = this.#take('grantId', id);
    if (taken) return taken.then(({ grant }) => grant);
    const { ctx } = Provider;
    return ctx && routeOf(ctx) === 'token' && !this.#requests.has(ctx) ? this.#grant(ctx, id) : undefined;
  }

  async #grant(ctx: KoaContextWithOIDC, id: string): Promise<Payload | undefined> {
    const related = await this.#reader.grant(id);
    const accountId = textOf(related?.grant?.['accountId']);
    const ids = { grantId: null, sessionUid: null, accountId };
    if (related) this.#requests.set(ctx, { ids, related: Promise.resolve(related) });
    return related?.grant;
  }

  /** By the session's uid. @returns undefined if it was not read ahead. */
  session(uid: string): Promise<Payload | undefined> | undefined {
    return this.#take('sessionUid', uid)?.then(({ session }) => session);
  }

  /** As `session`. */
  account(id: string): Promise<UserRecord | null> | undefined {
    return this.#take('accountId', id)?.then(({ account }) => account);
  }

  /** Forgets what was read: this request changes a grant or a session. */
  forget(): void {
    const ahead = Provider.ctx && this.#requests.get(Provider.ctx);
    if (ahead) ahead.ids = { grantId: null, sessionUid: null, accountId: null };
  }

  #take(name: keyof RelatedIds, id: string): Promise<Related> | undefined {
    const ahead = Provider.ctx && this.#requests.get(Provider.ctx);
    if (ahead?.ids[name] !== id) return undefined;
    ahead.ids[name] = null;
    return ahead.related;
  }
}
