import type { Context } from 'koa';
import { deviceOf } from '../../domain/notices.ts';
import type { DevicePages, UserCodeProblem } from '../../oidc/device/feature.ts';
import { ENDPOINTS } from '../../oidc/endpoints.ts';
import { isForeign } from './csrf.ts';
import type { Left } from './flash.ts';
import type { Message } from './i18n.ts';
import type { Problem } from './problems.ts';
import { refused, seeOther, withParameter } from './replies.ts';
import type { PageTools } from './tools.ts';

const PATH = ENDPOINTS.code_verification;

/** The message about a code. Not shown at the field when typing it again is pointless. */
const WORDS: Readonly<Record<Exclude<UserCodeProblem['kind'], 'exhausted'>, Problem>> = {
  missing: { field: 'user_code', message: 'problem.userCodeMissing' },
  unknown: { field: 'user_code', message: 'problem.userCodeUnknown' },
  expired: { field: null, message: 'problem.userCodeExpired' },
  used: { field: null, message: 'problem.userCodeUsed' },
  over: { field: null, message: 'problem.deviceOver' },
  failed: { field: null, message: 'problem.deviceFailed' },
};

const wait = (seconds: number): Message => ({ key: 'problem.locked', params: { wait: { seconds } } });

function refusalOf(problem: UserCodeProblem): Left & { status: number; problems: Problem[] } {
  if (problem.kind !== 'exhausted') return { status: 400, problems: [WORDS[problem.kind]] };
  const { retryAfter } = problem;
  return { status: 429, retryAfter, problems: [{ field: null, message: wait(retryAfter) }] };
}

/**
 * Whether to answer a form by a redirect. Not for a browser without cookies, which could not carry the result to the next page.
 */
const isRedirected = (ctx: Context): boolean => ctx.method === 'POST' && ctx.get('Cookie') !== '';

/** The pages of device authorization (RFC 8628 section 3.3). */
export function createDevicePages({ renderer, flash }: Pick<PageTools, 'renderer' | 'flash'>): DevicePages {
  return {
    async enter(ctx, form, userCode, problem) {
      const page = ctx as unknown as Context;
      const refusal = problem && refusalOf(problem);
      if (isRedirected(page))
        return flash.leave(page, PATH, { ...refusal, values: { userCode: userCode.slice(0, 32) } });
      const { problems, values } = flash.read(page);
      if (values['done'] !== undefined)
        return renderer.render(page, 'message', {
          icon: 'check',
          title: 'device.doneTitle',
          text: 'device.doneText',
          client: await ctx.oidc.provider.Client.find(values['done']),
        });
      if (values['refused'] !== undefined)
        return renderer.render(page, 'message', {
          icon: 'alert',
          title: 'device.refusedTitle',
          text: 'device.refusedText',
        });
      if (refusal) refused(page, refusal);
      return renderer.render(page, 'device-code', {
        ...form,
        userCode: (values['userCode'] ?? userCode).slice(0, 32),
        problems: refusal ? refusal.problems : problems,
      });
    },
    async confirm(ctx, form, { client, userCode, from }) {
      const page = ctx as unknown as Context;
      if (isRedirected(page)) return seeOther(page, withParameter(PATH, 'user_code', userCode));
      const { ip, userAgent } = from;
      return renderer.render(page, 'device-confirm', {
        ...form,
        client,
        userCode,
        from: { ip, ...deviceOf(userAgent) },
      });
    },
    async done(ctx, client) {
      flash.leave(ctx, PATH, { values: { done: client?.clientId ?? '' } });
    },
    async stale(ctx) {
      const page = ctx as unknown as Context;
      if (isRedirected(page) && !isForeign(page))
        return flash.leave(page, PATH, {
          status: 403,
          problems: [{ field: null, message: 'problem.stale' }],
        });
      refused(page, { status: 400 });
      return renderer.render(page, 'error', {
        code: 'csrf',
        requestId: ctx.get('X-Request-Id'),
        homeUrl: PATH,
      });
    },
    async refused(ctx) {
      flash.leave(ctx, PATH, { values: { refused: 'yes' } });
    },
  };
}
