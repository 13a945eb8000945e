import type { Context } from 'koa';
import type { DomainError, ErrorCode } from '../../../core/errors.ts';
import type { PageParts } from '../dependencies.ts';
import type { Message, MessageKey } from '../i18n.ts';
import { pageStatus } from '../problems.ts';

type Words = { title: MessageKey; text: MessageKey };

const WORDS: Partial<Record<ErrorCode, Words>> = {
  upstream_denied: { title: 'upstream.deniedTitle', text: 'upstream.deniedText' },
  upstream_failed: { title: 'upstream.failedTitle', text: 'upstream.failedText' },
  upstream_unavailable: {
    title: 'upstream.unavailableTitle',
    text: 'upstream.unavailableText',
  },
};

const UNKNOWN: Record<string, MessageKey> = {
  closed: 'upstream.closedText',
  unproven: 'upstream.unprovenText',
  exists: 'upstream.existsText',
};

interface Problem {
  error: DomainError;
  provider: string;
  /** Where to begin again. */
  back: string;
  /** The address that the provider told of. */
  email?: string | null;
}

/** Says why somebody who came from another provider is not signed in, and where to go on. @throws what it has no words for. */
export function showProblem(
  ctx: Context,
  { renderer }: PageParts,
  { error, provider, back, email }: Problem,
): void {
  const params = { provider };
  const show = (title: Message, text: Message) => {
    ctx.status = pageStatus(error.code);
    if (ctx.status === 503) ctx.set('Retry-After', '30');
    renderer.render(ctx, 'message', {
      icon: 'alert',
      title,
      text,
      link: { url: back, label: 'upstream.back' },
    });
  };
  const words = WORDS[error.code];
  if (words) return show({ key: words.title, params }, { key: words.text, params });
  if (error.code !== 'identity_unknown') throw error;
  const text = UNKNOWN[error.details.reason ?? ''] ?? 'upstream.closedText';
  return show('upstream.unknownTitle', { key: text, params: { provider, email: email ?? '' } });
}

/** Says that a sign-in is over that nothing is known of (any more). */
export function showLost(ctx: Context, { renderer }: PageParts, back = '/sign-in'): void {
  ctx.status = 400;
  renderer.render(ctx, 'message', {
    icon: 'hourglass',
    title: 'upstream.lostTitle',
    text: 'upstream.lostText',
    link: { url: back, label: 'upstream.back' },
  });
}
