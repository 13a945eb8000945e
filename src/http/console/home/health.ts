import type { Room } from '../room.ts';

/** The findings of `postern doctor`, worst first. */
export function healthRoutes({ page }: Room): void {
  page('/health', { section: 'health' }, async (call) => {
    const { findings, ...report } = await call.services.health(call.operator);
    return call.show('health', {
      ...report,
      wrong: findings.filter(({ status }) => status !== 'ok'),
      fine: findings.filter(({ status }) => status === 'ok'),
    });
  });
}
