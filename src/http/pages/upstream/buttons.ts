import type { Upstream } from '../../../config/index.ts';
import type { Renderer } from '../render.ts';
import { withParameter } from '../replies.ts';
import type { UpstreamDisplay } from '../views.ts';

/** What a page shows of other providers. @param begin where signing in with one begins. */
export function upstreamButtons(
  renderer: Pick<Renderer, 'asset'>,
  all: readonly Upstream[],
  begin: string,
): { upstreams: UpstreamDisplay[]; images: string[] } {
  const upstreams = all.map(({ id, name, logo = '' }) => ({
    id,
    name,
    logo: logo.startsWith('https://') ? logo : renderer.asset(logo),
    url: withParameter(begin, 'with', id),
  }));
  const images = upstreams.flatMap(({ logo }) => (logo?.startsWith('https://') ? [logo] : []));
  return { upstreams, images };
}
