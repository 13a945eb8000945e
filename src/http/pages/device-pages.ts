import type { Context } from 'koa';
import { deviceOf } from '../../domain/notices/device.ts';
import type { DevicePages, UserCodeProblem } from '../../oidc/device/feature.ts';
import type { Message } from './i18n.ts';
import type { Problem } from './problems.ts';
import type { Renderer } from './render.ts';
import { refused } from './replies.ts';

/** What is said of a code; where it is of no use to type it again, not at the field. */
const WORDS: Readonly<Record<Exclude<UserCodeProblem['kind'], 'exhausted'>, Problem>> = {
  missing: { field: 'user_code', message: 'problem.userCodeMissing' },
  unknown: { field: 'user_code', message: 'problem.userCodeUnknown' },
  expired: { field: null, message: 'problem.userCodeExpired' },
  used: { field: null, message: 'problem.userCodeUsed' },
  over: { field: null, message: 'problem.deviceOver' },
  failed: { field: null, message: 'problem.deviceFailed' },
};

const wait = (seconds: number): Message => ({ key: 'problem.locked', params: { wait: { seconds } } });

/** The pages of device authorization (RFC 8628 section 3.3). */
export function createDevicePages(renderer: Renderer): DevicePages {
  return {
    async enter(ctx, form, userCode, problem) {
      const page = ctx as unknown as Context;
      const problems: Problem[] = [];
      if (problem?.kind === 'exhausted') {
        refused(page, { status: 429, retryAfter: problem.retryAfter });
        problems.push({ field: null, message: wait(problem.retryAfter) });
      } else if (problem) {
        refused(page, { status: 400 });
        problems.push(WORDS[problem.kind]);
      }
      renderer.render(page, 'device-code', { ...form, userCode: userCode.slice(0, 32), problems });
    },
    async confirm(ctx, form, { client, userCode, from }) {
      const { ip, userAgent } = from;
      renderer.render(ctx, 'device-confirm', {
        ...form,
        client,
        userCode,
        from: { ip, ...deviceOf(userAgent) },
      });
    },
    async done(ctx, client) {
      renderer.render(ctx, 'message', {
        icon: 'check',
        title: 'device.doneTitle',
        text: 'device.doneText',
        client,
      });
    },
    async stale(ctx) {
      refused(ctx, { status: 400 });
      renderer.render(ctx, 'error', { code: 'csrf', requestId: ctx.get('X-Request-Id'), homeUrl: '/device' });
    },
    async refused(ctx) {
      renderer.render(ctx, 'message', {
        icon: 'alert',
        title: 'device.refusedTitle',
        text: 'device.refusedText',
      });
    },
  };
}
