import type { Room } from '../room.ts';

/** What is in force. */
export function settingsRoutes({ page }: Room): void {
  page('/settings', { section: 'settings' }, (call) => call.show('settings'));
}
