import type { Room } from '../room.ts';

/** Whether all is well. */
export function overviewRoutes({ page }: Room): void {
  page('', { section: 'overview' }, (call) => call.show('overview'));
}
