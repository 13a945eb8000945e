/** Sentences for audit events. */
import type { AuditItem, AuditType } from '../../domain/operators/audit-log.ts';
import type { Message, MessageKey, Translator } from '../pages/i18n.ts';
import { fieldLabels } from '../pages/problems.ts';

/** Maximum changed fields or entries in a sentence; the event's page has all. */
const MAX_NAMED = 4;

// A type without a sentence is a compile error.
const keyOf = (type: AuditType): MessageKey => `console.did.${type}`;

/** The sentence of each type, whatever the actor and the object. */
export const sentenceOfType = (type: AuditType): Exclude<Message, string> => ({
  key: keyOf(type),
  params: { actor: '…', subject: '…', app: '…', what: '…', self: 'no' },
});

/** Sentences of events that differ from their type's. */
function ownKey({ type, outcome, after }: AuditItem): MessageKey {
  if (type === 'login' && outcome === 'failure') return 'console.did.failed.login';
  const isOfRoles = type === 'user.updated' && Object.keys(after ?? {}).join() === 'roles';
  return isOfRoles ? 'console.did.user.roles' : keyOf(type);
}

function actorOf({ actor, subject }: AuditItem, t: Translator['t']): string {
  if (actor.name !== null && actor.kind !== 'operator') return actor.name;
  switch (actor.kind) {
    case 'anonymous':
      return t('console.did.somebody');
    case 'system':
      return t('console.did.service');
    case 'operator':
      return actor.id === null ? t('console.did.anOperator') : t('console.did.theShell', { user: actor.id });
    default:
      return (actor.id === subject?.id ? subject?.name : null) ?? actor.id ?? t('console.did.somebody');
  }
}

const few = (names: readonly string[]): string =>
  names.length > MAX_NAMED ? `${names.slice(0, MAX_NAMED).join(', ')}, …` : names.join(', ');

const isList = (value: unknown): value is unknown[] => Array.isArray(value);

/** Formats the change of a list: `+ support − user`. */
function entries(before: readonly unknown[], after: readonly unknown[]): string {
  const [had, has] = [new Set(before.map(String)), new Set(after.map(String))];
  const [added, removed] = [[...has.difference(had)], [...had.difference(has)]];
  return [added.length > 0 && `+ ${few(added)}`, removed.length > 0 && `− ${few(removed)}`]
    .filter((part) => part !== false)
    .join(' ');
}

/** The changed fields, or the changed entries of the only list; null when no field changes. */
function changesOf({ type, before, after }: AuditItem, t: Translator['t']): string | null {
  if (!type.endsWith('.updated')) return null;
  const fields = [...new Set([before, after].flatMap((values) => Object.keys(values ?? {})))];
  const [field] = fields;
  if (field === undefined) return null;
  const [was, is] = [before?.[field] ?? [], after?.[field] ?? []];
  if (fields.length === 1 && isList(was) && isList(is)) {
    const moved = entries(was, is);
    if (moved !== '') return moved;
  }
  const labels: Readonly<Record<string, MessageKey>> = fieldLabels;
  return few(fields.map((name) => (labels[name] ? t(labels[name]) : name)));
}

/** Describes an event, with its changes. */
export function sentenceOf(
  item: AuditItem,
  t: Translator['t'],
): { message: Exclude<Message, string>; changes: string | null } {
  const { actor, subject, clientId, clientName, what } = item;
  return {
    message: {
      key: ownKey(item),
      params: {
        actor: actorOf(item, t),
        subject: subject?.name ?? subject?.id ?? t('console.did.unknown'),
        app: clientName ?? clientId ?? t('console.did.unknown'),
        what: what ?? t('console.did.unknown'),
        self: subject !== null && actor.id === subject.id ? 'yes' : 'no',
      },
    },
    changes: changesOf(item, t),
  };
}
