/** Applies a configuration file: makes a plan, then applies it in one transaction. */
import { createHmac, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from '../../core/errors.ts';
import type { OwnedResources } from '../../storage/settings.ts';
import type { Stores } from '../../storage/stores.ts';
import type { Operator } from '../operators/operator.ts';
import { ApplyFailure } from './failure.ts';
import {
  createKinds,
  type Existing,
  type Fields,
  type Kind,
  type KindName,
  type KindServices,
} from './kinds.ts';

export { type Fields, KIND_NAMES, type KindName } from './kinds.ts';

/** A resource as a file defines it. */
export interface Wanted {
  kind: KindName;
  id: string;
  fields: Fields;
  /** The id that its reference resolves to. */
  secret?: string | undefined;
}

export interface ApplyOptions {
  /** The name that the file gives itself. */
  owner: string;
  /** Whether to take over resources without an owner, or of another file. */
  takeOver: boolean;
  /** Whether to delete resources of this owner that the file does not contain. */
  prune: boolean;
}

export interface Change {
  action: 'create' | 'update' | 'delete';
  kind: KindName;
  id: string;
  /** Changed fields, before and after; never with the value of a secret. */
  fields: Record<string, { before?: unknown; after?: unknown }>;
  /** Of the resource to change. */
  version: number | null;
}

export interface Plan {
  changes: Change[];
  /** Resources that would have to change but belong to another owner, or to none (null). */
  conflicts: { kind: KindName; id: string; owner: string | null }[];
}

export interface Applying {
  /** @throws DomainError insufficient_scope. */
  plan(by: Operator, wanted: readonly Wanted[], options: ApplyOptions): Promise<Plan>;
  /**
   * Does what `plan` says, all or nothing.
   * @throws DomainError precondition_failed when the plan has changed by now; ApplyFailure.
   */
  apply(by: Operator, wanted: readonly Wanted[], options: ApplyOptions, plan: Plan): Promise<void>;
  /** Current resources, in the form of a file. */
  read(by: Operator): Promise<{ kind: KindName; id: string; hasSecret: boolean; fields: Fields }[]>;
}

const SECRET = '(secret)';

/** The field of a plan that names a resource's owner. */
const OWNER = 'owner';

/** A difference to apply, with both sides. */
interface Step {
  change: Change;
  kind: Kind;
  wanted?: Wanted;
  existing?: Existing;
  /** The input of the use case. */
  values: Fields;
  hasNewSecret: boolean;
}

const inOrder = (value: unknown) =>
  Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort((a, b) => (a < b ? -1 : 1)) : value;

export function createApplying({
  services,
  owned,
  asOne,
  inTransaction,
  key,
}: Pick<Stores, 'asOne' | 'inTransaction'> & {
  services: KindServices;
  owned: OwnedResources;
  /** A key for the hashes of secrets. */
  key: KeyObject;
}): Applying {
  const kinds = createKinds(services);
  const hashOf = (secret: string | undefined) =>
    secret === undefined ? null : createHmac('sha256', key).update(secret).digest('base64url');

  const isSame = ({ sets }: Kind, field: string, a: unknown, b: unknown): boolean =>
    sets.includes(field) ? isDeepStrictEqual(inOrder(a), inOrder(b)) : isDeepStrictEqual(a, b);

  async function compare(by: Operator, all: readonly Wanted[], { owner, takeOver, prune }: ApplyOptions) {
    const marks = new Map((await owned.list()).map((mark) => [`${mark.kind} ${mark.id}`, mark]));
    const steps: Step[] = [];
    const conflicts: Plan['conflicts'] = [];
    for (const kind of kinds) {
      const existing = new Map((await kind.read(by)).map((one) => [one.id, one]));
      const wantedOnes = all.filter((one) => one.kind === kind.name);
      for (const wanted of wantedOnes) {
        const { id, fields, secret } = wanted;
        const now = existing.get(id);
        const mark = marks.get(`${kind.name} ${id}`);
        const hash = hashOf(secret);
        const known = mark?.secretHash ?? null;
        const hasNewSecret =
          hash !== null && (!now || (hash !== known && (!kind.isSecretFixed || known !== null)));
        // Reset fields that the file no longer sets; leave fields that it never set.
        const dropped = now && mark ? Object.keys(mark.applied).filter((field) => !(field in fields)) : [];
        const changed = [
          ...Object.keys(fields).filter(
            (field) => !now || !isSame(kind, field, now.fields[field], fields[field]),
          ),
          ...dropped.filter((field) => now?.fields[field] !== undefined),
        ];
        const values = Object.fromEntries(changed.map((field) => [field, fields[field] ?? null]));
        const differences = Object.fromEntries(
          changed.map((field) => [
            field,
            { ...(now ? { before: now.fields[field] ?? null } : {}), after: fields[field] ?? null },
          ]),
        );
        if (hasNewSecret)
          differences[kind.secretField ?? ''] = { ...(now ? { before: SECRET } : {}), after: SECRET };
        const isTaken = now && takeOver && mark?.owner !== owner;
        if (isTaken) differences[OWNER] = { before: mark?.owner ?? null, after: owner };
        if (now && Object.keys(differences).length === 0) continue;
        if (now && mark?.owner !== owner && !takeOver) {
          conflicts.push({ kind: kind.name, id, owner: mark?.owner ?? null });
          continue;
        }
        const change: Change = {
          action: now ? 'update' : 'create',
          kind: kind.name,
          id,
          fields: differences,
          version: now?.version ?? null,
        };
        steps.push({ change, kind, wanted, values, hasNewSecret, ...(now ? { existing: now } : {}) });
      }
      for (const now of prune ? existing.values() : []) {
        const isKept = wantedOnes.some(({ id }) => id === now.id);
        if (isKept || marks.get(`${kind.name} ${now.id}`)?.owner !== owner) continue;
        const fields = Object.fromEntries(
          Object.entries(now.fields).map(([name, before]) => [name, { before }]),
        );
        const change: Change = {
          action: 'delete',
          kind: kind.name,
          id: now.id,
          fields,
          version: now.version,
        };
        steps.push({ change, kind, existing: now, values: {}, hasNewSecret: false });
      }
    }
    return { steps, plan: { changes: steps.map(({ change }) => change), conflicts } };
  }

  const attempt = async ({ change }: Pick<Step, 'change'>, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      throw new ApplyFailure(change, error);
    }
  };

  /** Creates or changes one. A scope of an API is removed when nothing refers to it any more: `narrow` does that at the end. */
  const write = (by: Operator, step: Step) =>
    attempt(step, async () => {
      const { kind, wanted, existing, values, hasNewSecret } = step;
      const secret = hasNewSecret ? wanted?.secret : undefined;
      if (existing && secret !== undefined && kind.isSecretFixed)
        throw new DomainError('invalid_request', {
          field: kind.secretField ?? '',
          reason: 'secrets cannot be changed by a file: rotate the secret',
        });
      if (!existing)
        return kind.create(
          by,
          kind.idField === null ? values : { ...values, [kind.idField]: step.change.id },
          secret,
        );
      if (Object.keys(values).length === 0 && secret === undefined) return undefined;
      const before = existing.fields['scopes'];
      const scopes = values['scopes'];
      const isWidened = kind.name === 'apis' && Array.isArray(before) && scopes !== undefined;
      const widened = isWidened
        ? { scopes: [...new Set([...before, ...((scopes ?? []) as unknown[])])] }
        : {};
      return kind.update(by, existing, { ...values, ...widened }, secret, [existing.version]);
    });

  const narrow = (by: Operator, step: Step) =>
    attempt(step, async () => {
      const { kind, existing, values } = step;
      if (existing && values['scopes'] !== undefined)
        await kind.update(by, existing, { scopes: values['scopes'] }, undefined, undefined);
    });

  const mark = (step: Step, owner: string) =>
    inTransaction(async (tx) => {
      const { kind, change, wanted } = step;
      if (!wanted) return owned.delete(kind.name, change.id, tx);
      const secretHash = hashOf(wanted.secret);
      return owned.save({ kind: kind.name, id: change.id, owner, applied: wanted.fields, secretHash }, tx);
    });

  return {
    plan: async (by, wanted, options) => (await compare(by, wanted, options)).plan,
    apply: (by, wanted, options, plan) =>
      asOne(async () => {
        await inTransaction((tx) => owned.lockAll(tx));
        const { steps, plan: now } = await compare(by, wanted, options);
        if (JSON.stringify(now) !== JSON.stringify(plan)) throw new DomainError('precondition_failed');
        if (now.conflicts.length > 0) throw new DomainError('forbidden', { reason: 'not_owned' });
        const deleted = steps.filter(({ change }) => change.action === 'delete').reverse();
        const written = steps.filter(({ change }) => change.action !== 'delete');
        const ofApi = ({ kind }: Step) => kind.name === 'apis';
        const remove = (step: Step) => attempt(step, async () => step.kind.remove(by, step.existing!));
        for (const step of written) await write(by, step);
        for (const step of deleted.filter((one) => !ofApi(one))) await remove(step);
        for (const step of written.filter(ofApi)) await narrow(by, step);
        for (const step of deleted.filter(ofApi)) await remove(step);
        for (const step of steps) await mark(step, options.owner);
      }),
    async read(by) {
      const found = [];
      for (const { name, read } of kinds)
        for (const { id, fields, hasSecret = false } of await read(by))
          found.push({ kind: name, id, hasSecret, fields });
      return found;
    },
  };
}
