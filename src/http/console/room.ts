import type Router from '@koa/router';
import type { Context } from 'koa';
import type { Config } from '../../config/index.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import type { AuditFilters } from '../../domain/operators/audit-log.ts';
import { type Operator, requirePermission } from '../../domain/operators/operator.ts';
import { BUILT_IN_ROLES, OWNER, type Permission, withIncluded } from '../../domain/operators/permissions.ts';
import { userActor } from '../actor.ts';
import { isForeign } from '../pages/csrf.ts';
import { readForm } from '../pages/form.ts';
import { readUpload } from '../pages/upload.ts';
import type { Message, MessageKey } from '../pages/i18n.ts';
import { ConsoleCall, type CallDependencies } from './call.ts';
import { createGuard, type Entered, type Fields, type Guard, type GuardDependencies } from './guard.ts';
import { createNotes } from './notes.ts';
import { consoleProblem, isGone, statusOfProblem } from './problems.ts';
import { type Section, SECTIONS } from './sections.ts';

export type ConsoleDependencies = GuardDependencies &
  Omit<CallDependencies, 'notes' | 'available'> & {
    config: GuardDependencies['config'] & Pick<Config, 'passwords'>;
  };

export interface PageSpec {
  section: Section;
  /** The permission that opens it; null for any operator. Default: that of its section. */
  permission?: Permission | null;
  /** Whether it requires a sign-in within the last ten minutes: for credentials, keys, roles and deletion. */
  fresh?: boolean;
  /** Whether a script requests it, so that it does not count as activity. */
  quiet?: boolean;
}

export interface FormSpec extends PageSpec {
  permission: Permission | null;
  /** Where a refused form without a page of its own leads. Default: the list of its section. */
  back?: (call: ConsoleCall) => string;
  /** Whether the form may contain a file (`call.upload`). */
  upload?: boolean;
  /** Filters of the audit events that tell who changed the object since the form was opened. */
  trail?: (call: ConsoleCall) => AuditFilters;
}

export type Handler = (call: ConsoleCall) => Promise<void> | void;

/** Content of a confirmation page. */
export interface Question {
  title: Message;
  text?: Message;
  /** What breaks, counted. */
  breaks: readonly Message[];
  /** The verb on the button. */
  verb: MessageKey;
  /** What has to be typed, for grade 3: the name of the object. */
  name: string;
  /** Target of Cancel. */
  back: string;
  version?: number;
  /** Hidden fields to post. */
  hidden?: Fields;
  /** More controls, in the format of the partial `console/field`. */
  fields?: readonly Readonly<Record<string, unknown>>[];
  /** The equivalent command, in the format of the partial `console/same-act`. */
  same?: Readonly<Record<string, unknown>>;
}

/**
 * 1: disruptive; the page counts what breaks. 2: irreversible; it also asks for a reason and a fresh sign-in. 3: irreversible
 * for many; it also has the name typed.
 */
export type Grade = 1 | 2 | 3;

export type Room = ReturnType<typeof createRoom>;

/** Declares the pages of the console, with the checks before each of them. */
export function createRoom(router: Router, deps: ConsoleDependencies) {
  const available = new Set<Section>();
  const guard: Guard = createGuard(deps);
  const notes = createNotes(deps);
  const { services, config, renderer, csrf } = deps;
  const bounds = { min: config.passwords.minLength, max: config.passwords.maxLength };

  const operatorOf = async (ctx: Context, { user }: Entered): Promise<Operator> => ({
    actor: { ...userActor(ctx, 'console', user.id), isOperator: true },
    accountId: user.id,
    permissions: await services.rights.ofAccount(user.id),
  });

  const callOf = (ctx: Context, entered: Entered, operator: Operator, section: Section) =>
    new ConsoleCall(ctx, { ...entered, operator }, section, {
      renderer,
      csrf,
      services,
      notes,
      available,
    });

  /** A page without the console's layout, for somebody without access. */
  const turnAway = (ctx: Context, view: string) => {
    ctx.status = 403;
    renderer.render(ctx, `console/${view}`, { csrf: csrf.token(ctx), homeUrl: '/account' });
  };

  /** Says which permission is missing, and who can give it. */
  async function showMissing(call: ConsoleCall, permission: string): Promise<void> {
    const seeing = { ...call.operator, permissions: new Set<Permission>(['users:read']) };
    const owners = await services.people.list(seeing, {
      filters: { role: [OWNER], status: ['active'] },
      limit: 3,
    });
    call.show(
      'missing-permission',
      {
        permission,
        roles: Object.entries(BUILT_IN_ROLES)
          .filter(([, role]) => withIncluded(role.permissions).has(permission as Permission))
          .map(([name]) => name),
        owners: owners.items.map(({ name, username, email }) => name ?? username ?? email),
      },
      403,
    );
  }

  /** The operator, if `spec` lets them in; null when the request is answered. */
  async function admit(ctx: Context, spec: PageSpec, fields: Fields | null): Promise<ConsoleCall | null> {
    const { section, fresh = false, quiet = false } = spec;
    // PostgreSQL cannot store NUL, and nobody types it.
    if (ctx.querystring.includes('%00')) ctx.querystring = ctx.querystring.replaceAll('%00', '');
    const entered = await guard.enter(ctx, { fresh, quiet, fields, page: SECTIONS[section].path });
    if (!entered) return null;
    const operator = await operatorOf(ctx, entered);
    if (operator.permissions.size === 0) {
      turnAway(ctx, 'no-operator');
      return null;
    }
    if (entered.lacks) {
      turnAway(ctx, 'second-factor');
      return null;
    }
    return callOf(ctx, entered, operator, section);
  }

  const operationOf = ({ ctx }: ConsoleCall) =>
    `console ${ctx.method} ${String(ctx['_matchedRoute'] ?? ctx.path)}`;

  /** Runs a handler. Audits its refusal and shows it by `otherwise` or as a page. */
  async function run(
    call: ConsoleCall,
    permission: Permission | null,
    work: Handler,
    otherwise?: (error: DomainError) => Promise<void> | void,
  ): Promise<void> {
    try {
      if (permission !== null) requirePermission(call.operator, permission);
      await work(call);
    } catch (error) {
      if (!isDomainError(error)) throw error;
      await services.noteRefused(error, call.operator, operationOf(call));
      if (error.code === 'insufficient_scope') return showMissing(call, error.details.reason ?? '');
      if (otherwise && error.code !== 'rate_limited') return otherwise(error);
      // The cursor belongs to another list, or to a former key; or a filter has no such value. Start again.
      if (
        error.code === 'invalid_cursor' ||
        (error.code === 'invalid_request' && call.ctx.querystring !== '')
      )
        return call.failed(call.ctx.path, consoleProblem(error, bounds).message);
      if (error.code === 'too_broad') return call.show('too-broad', { path: call.ctx.path }, 400);
      if (!isGone(error)) throw error;
      return call.show('gone', {}, 404);
    }
  }

  const permissionOf = ({ section, permission }: PageSpec): Permission | null =>
    permission === undefined ? SECTIONS[section].permission : permission;

  /** A page to open. @param path under /admin; `''` for /admin itself. */
  function page(path: string, spec: PageSpec, show: Handler): void {
    available.add(spec.section);
    router.get(`/admin${path}`, async (ctx: Context) => {
      const call = await admit(ctx, spec, null);
      if (call) await run(call, permissionOf(spec), show);
    });
  }

  /**
   * A posted form.
   * @param again shows the page with the form again, with `call.problems` and `call.typed`; null for a button whose page
   *   reports the error once (`spec.back`).
   */
  function form(path: string, spec: FormSpec, again: Handler | null, act: Handler): void {
    available.add(spec.section);
    const backOf = (call: ConsoleCall) => spec.back?.(call) ?? SECTIONS[spec.section].path;
    const refused = async (call: ConsoleCall, error: DomainError): Promise<void> => {
      const problem = consoleProblem(error, bounds);
      if (!again)
        return call.failed(isGone(error) ? SECTIONS[spec.section].path : backOf(call), problem.message);
      call.refuse(statusOfProblem(error), [problem]);
      if (error.code === 'precondition_failed' && spec.trail) await call.findChange(spec.trail(call));
      return run(call, null, again);
    };
    router.post(`/admin${path}`, spec.upload ? readUpload : readForm, async (ctx: Context) => {
      if (isForeign(ctx)) throw new DomainError('forbidden', { reason: 'csrf' });
      const isOurs = carriesToken(ctx);
      const call = await admit(ctx, spec, isOurs ? (ctx.request.body as Fields) : {});
      if (!call) return;
      if (!isOurs) {
        // The CSRF token is of another browser or has expired. Do nothing, but keep what was typed.
        if (!again) return call.failed(backOf(call), 'problem.stale');
        call.refuse(403, [{ field: null, message: 'problem.stale' }]);
        return run(call, spec.permission, again);
      }
      await run(call, spec.permission, act, (error) => refused(call, error));
    });
  }

  function carriesToken(ctx: Context): boolean {
    try {
      csrf.check(ctx, ctx.request.body);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * An action with a confirmation page at the address that it is posted to. @param ask finds the object; throws when
   * it is gone. @param act carries it out, with the stated reason (grades 2 and 3)
   */
  function confirm(
    path: string,
    spec: FormSpec & { grade: Grade },
    ask: (call: ConsoleCall) => Promise<Question>,
    act: (call: ConsoleCall, reason: string) => Promise<void>,
  ): void {
    const { grade } = spec;
    const strict = { ...spec, fresh: spec.fresh ?? grade > 1 };
    const show: Handler = async (call) =>
      call.show('confirm', { ...(await ask(call)), grade, action: call.ctx.path });
    page(path, strict, show);
    form(path, strict, show, async (call) => {
      const missing = (field: string, message: MessageKey) => ({ field, message });
      const { name } = await ask(call);
      const problems = [
        ...(grade > 1 && call.field('reason') === '' ? [missing('reason', 'console.problem.reason')] : []),
        ...(grade > 2 && call.field('typed_name') !== name.trim()
          ? [missing('typed_name', 'console.problem.name')]
          : []),
      ];
      if (problems.length > 0) {
        call.refuse(400, problems);
        return show(call);
      }
      return act(call, call.field('reason'));
    });
  }

  return { page, form, confirm, guard };
}
