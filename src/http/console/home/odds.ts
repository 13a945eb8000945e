import { CONTINUE } from '../guard.ts';
import type { Room } from '../room.ts';

/** The keys of the console, and the switch that turns single ones off. */
export function shortcutRoutes({ page, form }: Room): void {
  page('/shortcuts', { section: 'overview' }, (call) => call.show('shortcuts'));
  form('/shortcuts', { section: 'overview', permission: null }, null, (call) => {
    const keys = call.field('keys') === 'on';
    call.prefer({ keys });
    call.done('/admin/shortcuts', keys ? 'console.keys.nowOn' : 'console.keys.nowOff');
  });
}

/** A form whose sender had to sign in: it is shown once more, and sent when they say so. */
export function continueRoutes({ page, guard }: Room): void {
  page(CONTINUE.replace('/admin', ''), { section: 'overview', permission: null }, (call) => {
    const kept = guard.takeForm(call.ctx, call.user.id);
    if (!kept) return call.ctx.redirect('/admin');
    return call.show('continue', kept);
  });
}

/** Every other address: declared before all others, which answer in its place. */
export function unknownRoutes({ page }: Room): void {
  page('/*rest', { section: 'overview', permission: null }, (call) => call.show('gone', {}, 404));
}
