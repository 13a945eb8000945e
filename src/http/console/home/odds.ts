import { seeOther } from '../../pages/replies.ts';
import { CONTINUE } from '../guard.ts';
import { THEMES } from '../notes.ts';
import type { Room } from '../room.ts';

/** A page of the console. Excludes anything that a browser would resolve to another site. */
const PAGE = /^\/admin(?:[/?][^\\\s]*)?$/;

/** Keyboard shortcuts, and the switch that turns single-key ones off. */
export function shortcutRoutes({ page, form }: Room): void {
  page('/shortcuts', { section: 'overview' }, (call) => call.show('shortcuts'));
  form('/shortcuts', { section: 'overview', permission: null }, null, (call) => {
    const keys = call.field('keys') === 'on';
    call.prefer({ keys });
    call.done('/admin/shortcuts', keys ? 'console.keys.nowOn' : 'console.keys.nowOff');
  });
}

/** Light, dark, or the system's choice. */
export function themeRoutes({ form }: Room): void {
  form('/theme', { section: 'overview', permission: null }, null, (call) => {
    call.prefer({ theme: THEMES.find((theme) => theme === call.field('theme')) ?? null });
    const back = call.field('back');
    seeOther(call.ctx, PAGE.test(back) ? back : '/admin');
  });
}

/** Shows a form again whose sender had to sign in. They confirm before it is sent. */
export function continueRoutes({ page, guard }: Room): void {
  page(CONTINUE.replace('/admin', ''), { section: 'overview', permission: null }, (call) => {
    const kept = guard.takeForm(call.ctx, call.user.id);
    if (!kept) return call.ctx.redirect('/admin');
    return call.show('continue', kept);
  });
}

/** Unknown addresses. Declared first; specific routes override it. */
export function unknownRoutes({ page }: Room): void {
  page('/*rest', { section: 'overview', permission: null }, (call) => call.show('gone', {}, 404));
}
