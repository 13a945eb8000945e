import type { Context } from 'koa';
import type { Language } from '../../core/languages.ts';
import { randomToken } from '../../core/ids.ts';
import type { AuditFilters } from '../../domain/operators/audit-log.ts';
import type { Expected, Operator } from '../../domain/operators/operator.ts';
import type { Permission } from '../../domain/operators/permissions.ts';
import type { User } from '../../domain/users/index.ts';
import type { CurrentSession } from '../../oidc/sessions/browser-session.ts';
import type { ApiServices } from '../api/operation.ts';
import type { PageDependencies } from '../pages/dependencies.ts';
import type { Message } from '../pages/i18n.ts';
import { seeOther } from '../pages/replies.ts';
import type { Upload } from '../pages/upload.ts';
import { type FilterSpec, type Listing, readListing, ROWS } from './lists.ts';
import type { Notes, Undo } from './notes.ts';
import type { ConsoleProblem } from './problems.ts';
import { type Section, SECTIONS, navigationOf } from './sections.ts';
import { sentenceOf } from './sentences.ts';

export interface CallDependencies extends Pick<PageDependencies, 'renderer' | 'csrf'> {
  services: ApiServices;
  notes: Notes;
  /** Sections that have pages. */
  available: ReadonlySet<Section>;
}

/** Who changed the object since the form was opened, and when. */
interface Change {
  by: string | null;
  at: Date;
}

/** Allows styles and images of this site only: no script, no form, no navigation out of the frame. */
const FRAMED = [
  `default-src 'none'`,
  `style-src 'self' 'unsafe-inline'`,
  `img-src 'self' data:`,
  `base-uri 'none'`,
  `form-action 'none'`,
  `frame-ancestors 'self'`,
].join('; ');

/** @param allowed exceptions for the frame. */
const sandbox = (ctx: Context, allowed: '' | 'allow-same-origin'): void =>
  ctx.set({
    'Content-Security-Policy': `${FRAMED}; sandbox ${allowed}`.trimEnd(),
    'X-Frame-Options': 'SAMEORIGIN',
  });

/** Maximum rows in one form. */
const MAX_TICKED = 100;
const SECRET = /password|secret|csrf/i;

/** One request of an operator, to open a page or to post a form, that has passed every check. */
export class ConsoleCall {
  readonly ctx: Context;
  readonly operator: Operator;
  /** The operator's own account. */
  readonly user: User;
  readonly session: CurrentSession;
  readonly services: ApiServices;
  /** Errors of the posted form; empty when a page is opened. */
  problems: readonly ConsoleProblem[] = [];
  /** Values of the posted form, to fill it in again; null when a page is opened. */
  typed: Readonly<Record<string, string | string[]>> | null = null;
  /** Set when the object has changed since the form was opened. */
  changed: Change | null = null;
  readonly #deps: CallDependencies;
  readonly #section: Section;
  #status = 200;

  constructor(
    ctx: Context,
    who: { operator: Operator; user: User; session: CurrentSession },
    section: Section,
    deps: CallDependencies,
  ) {
    this.ctx = ctx;
    this.operator = who.operator;
    this.user = who.user;
    this.session = who.session;
    this.services = deps.services;
    this.#deps = deps;
    this.#section = section;
  }

  /** A parameter of the path, decoded. */
  param(name: string): string {
    return (this.ctx['params'] as Record<string, string>)[name] ?? '';
  }

  /** A parameter of the query; empty without it. */
  parameter(name: string): string {
    return [this.ctx.query[name] ?? ''].flat()[0]?.trim() ?? '';
  }

  /** A posted field, trimmed (never a password); empty without it. */
  field(name: string): string {
    return (this.#posted(name)[0] ?? '').trim();
  }

  /** A posted field as typed: for passwords, and for texts where spaces count. */
  raw(name: string): string {
    return this.#posted(name)[0] ?? '';
  }

  /** All values of a posted field: ticked boxes. */
  fields(name: string): string[] {
    return this.#posted(name);
  }

  /** An uploaded file; undefined without one. */
  upload(name: string): Upload | undefined {
    return (this.ctx.state['uploads'] as Record<string, Upload> | undefined)?.[name];
  }

  /** The ids of the ticked rows, at most 100. */
  get ticked(): string[] {
    return [...new Set(this.#posted('id'))].slice(0, MAX_TICKED);
  }

  #posted(name: string): string[] {
    const body = this.ctx.request.body as Record<string, unknown> | undefined;
    const values = [body?.[name] ?? []].flat().filter((value) => typeof value === 'string');
    return values.map((value) => value.replaceAll('\0', ''));
  }

  /** The language of the page. */
  get language(): Language {
    return this.#deps.renderer.language(this.ctx, {});
  }

  /** Whether the operator has a permission. */
  readonly may = (permission: Permission): boolean => this.operator.permissions.has(permission);

  /** The version that a form was opened with (its hidden field `version`). */
  get expected(): Expected | undefined {
    const version = this.field('version');
    return version === '' ? undefined : [Number(version)];
  }

  /** The operator's place in a list. Remembers the number of rows per page. */
  listing(filters: readonly FilterSpec[]): Listing {
    const { rows } = this.#deps.notes.preferences(this.ctx, this.user.id);
    const listing = readListing(this.ctx, filters, rows);
    if (listing.limit !== rows && ROWS.includes(Number(this.parameter('limit'))))
      this.#deps.notes.prefer(this.ctx, this.user.id, { rows: listing.limit });
    return listing;
  }

  /** Stores the operator's preferences for the console. */
  prefer(changes: Parameters<Notes['prefer']>[2]): void {
    this.#deps.notes.prefer(this.ctx, this.user.id, changes);
  }

  /** Responds to a refused form with `show`. */
  refuse(status: number, problems: readonly ConsoleProblem[]): void {
    this.#status = status;
    this.problems = problems;
    const body = this.ctx.request.body as Record<string, string | string[]> | undefined;
    this.typed = Object.fromEntries(Object.entries(body ?? {}).filter(([name]) => !SECRET.test(name)));
  }

  /** Finds who changed the object since the form was opened: the latest event that matches the filters. */
  async findChange(filters: AuditFilters): Promise<void> {
    const seeing = { ...this.operator, permissions: new Set<Permission>(['audit:read']) };
    const { items } = await this.services.auditLog.list(seeing, { filters, limit: 1 });
    const [last] = items;
    if (last) this.changed = { by: last.actor.name ?? last.actor.id, at: last.at };
  }

  /** Responds with a view of `views/console`. A refused form keeps its status. */
  show(view: string, data: Readonly<Record<string, unknown>> = {}, status = this.#status): void {
    const { renderer, csrf, notes, available } = this.#deps;
    const { ctx, user, operator } = this;
    ctx.status = status;
    const { keys, theme } = notes.preferences(ctx, user.id);
    renderer.render(ctx, `console/${view}`, {
      ...data,
      layout: 'console/layout',
      csrf: csrf.token(ctx),
      problems: this.problems,
      typed: this.typed,
      changed: this.changed,
      once: randomToken(),
      may: (permission: Permission) => operator.permissions.has(permission),
      did: sentenceOf,
      console: {
        section: this.#section,
        navigation: navigationOf(operator.permissions, available),
        user,
        roles: [...new Set([...user.roles, ...(user.groupRoles ?? [])])],
        note: notes.take(ctx, user.id),
        keys,
        theme,
        // The page to return to after a change of appearance.
        address: ctx.method === 'GET' ? ctx.url : '/admin',
        q: ctx.path === '/admin/search' ? this.parameter('q') : '',
        issuer: this.services.publicUrl,
      },
    });
  }

  /**
   * Responds with a view without the console's layout, for a frame in one of its pages. @param data `style`: its own
   * stylesheet, as markup
   */
  frame(view: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.ctx.status = this.#status;
    this.#deps.renderer.render(this.ctx, `console/${view}`, { ...data, layout: 'console/frame', csrf: '' });
    // The stylesheet needs this origin. Without scripts the frame can do nothing with it.
    sandbox(this.ctx, 'allow-same-origin');
  }

  /** Responds with a page rendered elsewhere, for a frame. */
  frameOf(html: string): void {
    this.ctx.type = 'html';
    this.ctx.body = html;
    sandbox(this.ctx, '');
  }

  /**
   * Ends an accepted form: redirects to a page that shows the message once. @param message names the object; never a
   * secret. @param undo reverses the change, where that is possible
   */
  done(path: string, message: Message, undo: Undo | null = null): void {
    this.#deps.notes.leave(this.ctx, this.user.id, { message, failed: false, undo });
    seeOther(this.ctx, path);
  }

  /** Ends a refused form that has no page of its own. */
  failed(path: string, message: Message): void {
    this.#deps.notes.leave(this.ctx, this.user.id, { message, failed: true, undo: null });
    seeOther(this.ctx, path);
  }

  /**
   * Creates a secret once per form (`once` of the partial `console/form`): a form that is sent again creates no
   * second one. @returns null when it was done before: the secret cannot be shown again.
   */
  async once<T>(work: () => Promise<T>): Promise<T | null> {
    let result: T | null = null;
    const request = {
      key: this.field('once'),
      caller: `console ${this.user.id}`,
      target: this.ctx.path,
      body: null,
    };
    if (request.key === '') return work();
    await this.services.once(request, async () => {
      result = await work();
      const kept = { status: 200, headers: {} };
      return { reply: kept, kept };
    });
    return result;
  }

  /** The list of a section, or the page of one of its objects. */
  readonly path = (section: Section, id?: string): string =>
    id === undefined ? SECTIONS[section].path : `${SECTIONS[section].path}/${encodeURIComponent(id)}`;
}
