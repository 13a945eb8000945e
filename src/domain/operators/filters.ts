/** Checks of filters whose values are known: a misspelled one must not look like an empty list. */
import { CHANNELS } from '../../core/actor.ts';
import { EVENTS } from '../../storage/event-catalogue.ts';
import { misnamed, refuse } from './operator.ts';

const TYPES = Object.keys(EVENTS);
const PATTERNS = new Set(TYPES.map((type) => `${type.split('.', 1)[0]}.*`));

/** Whether it is a type of event, or all types of a noun: `user.*`. */
export const isEventPattern = (type: string): boolean => Object.hasOwn(EVENTS, type) || PATTERNS.has(type);

/** @throws DomainError invalid_request: a pattern of no event, with the type that may be meant. */
export function checkEventTypes(
  field: string,
  types: readonly string[] | undefined,
  others: readonly string[] = [],
): void {
  const unknown = types?.find((type) => !isEventPattern(type) && !others.includes(type));
  if (unknown === undefined) return;
  refuse(field, misnamed('type of event', unknown, [...TYPES, ...PATTERNS, ...others]));
}

/** @throws DomainError invalid_request: neither a channel nor a contract. */
export function checkChannels(field: string, channels: readonly string[] | undefined): void {
  const unknown = channels?.find(
    (channel) => !channel.startsWith('contract:') && !CHANNELS.some((known) => known === channel),
  );
  if (unknown !== undefined) refuse(field, misnamed('channel', unknown, CHANNELS));
}
