// raw-sql: a statement that inserts many rows of any model.

import {
  type Attributes,
  type CreateOptions,
  type CreationAttributes,
  type DataType,
  DataTypes,
  EmptyResultError,
  fn,
  type Model,
  type ModelAttributeColumnOptions,
  type ModelStatic,
  type Sequelize,
} from 'sequelize';
import type { Secrets } from '../../core/secrets.ts';
import type { Executor } from '../postgres/executor.ts';
import type { Tx } from '../postgres/transaction.ts';

/** How a column is encrypted at rest. */
interface Sealed {
  /** Purpose of the derived key (`Secrets`). Changing it makes stored values unreadable. */
  purpose: string;
  /** What is encrypted: the text itself, or the value as JSON. */
  as: 'text' | 'json';
}

interface Column<M extends Model> extends ModelAttributeColumnOptions<M> {
  sealed?: Sealed;
}

type Columns<M extends Model> = { [K in keyof Attributes<M>]-?: DataType | Column<M> };

interface Definition {
  table: string;
  columns: Record<string, Column<Model>>;
}

const definitions = new Map<ModelStatic<Model>, Definition>();

/** Keys of the process: models are bound once (`bindModels`). */
let secrets: Secrets | undefined;
let executor: Executor | undefined;

/** The column of an attribute: snake case. */
const columnName = (attribute: string): string =>
  attribute.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const isType = (column: DataType | Column<Model>): column is DataType =>
  typeof column === 'string' || typeof column === 'function' || !('type' in column);

/**
 * Defines a table's rows; there is no other definition. Sequelize sets `createdAt` and `updatedAt` if there are such attributes.
 */
export function define<M extends Model>(model: ModelStatic<M>, table: string, columns: Columns<M>): void {
  const entries = Object.entries<DataType | Column<Model>>(columns).map(
    ([attribute, column]): [string, Column<Model>] => [
      attribute,
      { field: columnName(attribute), ...(isType(column) ? { type: column } : column) },
    ],
  );
  definitions.set(model, { table, columns: Object.fromEntries(entries) });
}

/** A column encrypted under SECRETS_KEY: attributes hold the plain value, the database the result of `Secrets.seal`. */
export const sealed = (purpose: string, as: Sealed['as'] = 'text'): { type: DataType; sealed: Sealed } => ({
  type: DataTypes.BLOB,
  sealed: { purpose, as },
});

function keys(): Secrets {
  if (!secrets) throw new Error('models are not bound');
  return secrets;
}

/** Runs statements beside the models, in the same transaction as they do. */
export function boundExecutor(): Executor {
  if (!executor) throw new Error('models are not bound');
  return executor;
}

const seal = ({ purpose, as }: Sealed, value: unknown): Buffer | null =>
  value === null || value === undefined
    ? null
    : keys().seal(purpose, as === 'json' ? JSON.stringify(value) : (value as string));

/** @throws when the value was encrypted under another key. */
function open({ purpose, as }: Sealed, value: Buffer | null): unknown {
  if (value === null) return null;
  const text = keys().open(purpose, value);
  return as === 'json' ? JSON.parse(text) : text;
}

function accessors(attribute: string, sealing: Sealed): Pick<Column<Model>, 'get' | 'set'> {
  return {
    get(this: Model) {
      const value = this.getDataValue(attribute) as Buffer | null | undefined;
      return value === undefined ? undefined : open(sealing, value);
    },
    set(this: Model, value: unknown) {
      this.setDataValue(attribute, seal(sealing, value));
    },
  };
}

function bind(model: ModelStatic<Model>, { table, columns }: Definition, sequelize: Sequelize): void {
  const attributes = Object.entries(columns).map(([attribute, { sealed: sealing, ...column }]) => [
    attribute,
    sealing ? { ...column, ...accessors(attribute, sealing) } : column,
  ]);
  model.init(Object.fromEntries(attributes), {
    sequelize,
    modelName: model.name,
    tableName: table,
    createdAt: 'createdAt' in columns,
    updatedAt: 'updatedAt' in columns,
  });
}

/** The methods of a model that stores call: each binds it. Another one fails until one of these was called. */
const ENTRIES = [
  'bulkCreate',
  'count',
  'create',
  'destroy',
  'findAll',
  'findByPk',
  'findOne',
  'getAttributes',
  'update',
  'upsert',
] as const;

/** Calls `bindNow` with the first call of one of the `ENTRIES`. */
function bindOnUse(model: ModelStatic<Model>, bindNow: () => void): void {
  for (const name of ENTRIES)
    Object.defineProperty(model, name, {
      configurable: true,
      value(...parameters: unknown[]): unknown {
        for (const entry of ENTRIES) Reflect.deleteProperty(model, entry);
        bindNow();
        return Reflect.apply(model[name] as (...all: unknown[]) => unknown, model, parameters);
      },
    });
}

/**
 * Binds every model to `sequelize`, and its encrypted columns to the keys of `own`, once per process. A model is
 * initialised when it is first used: all of them at once would slow down every start and every command.
 * @param pool where prepared statements beside the models run.
 */
export function bindModels(sequelize: Sequelize, sealingKeys: Secrets, pool: Executor): void {
  secrets = sealingKeys;
  executor = pool;
  for (const [model, definition] of definitions) bindOnUse(model, () => bind(model, definition, sequelize));
}

/** Every model, for checks of all tables. */
export const allModels = (): ModelStatic<Model>[] => [...definitions.keys()];

/** What a store returns of a model's row, with one mapping for rows read by Sequelize and by SQL. */
export interface RecordMapping<M extends Model, R> {
  /** For `attributes` of a query of the model. */
  attributes: (keyof R & string)[];
  /** The select or returning list: each column under its attribute's name. */
  columns: string;
  /** The same of a table that is called `alias` in the statement. */
  columnsOf(alias: string): string;
  /** The record of a row with these values; missing ones take their default, or null. */
  of(values: Partial<R>): R;
  /** From an instance that was read with these attributes, or all. */
  from(instance: M): R;
  /** From rows of a statement that returns `columns`. */
  read(rows: object[]): R[];
}

export type RecordOf<T> = T extends RecordMapping<infer _M, infer R> ? R : never;

/** @param inner attributes that stay inside the store. */
export function recordOf<M extends Model, Inner extends keyof Attributes<M> = never>(
  model: ModelStatic<M>,
  ...inner: Inner[]
): RecordMapping<M, Omit<Attributes<M>, Inner>> {
  type R = Omit<Attributes<M>, Inner>;
  const definition = definitions.get(model);
  if (!definition) throw new Error(`${model.name} is not defined`);
  const { columns } = definition;
  const attributes = Object.keys(columns).filter((name) => !inner.includes(name as Inner)) as (keyof R &
    string)[];
  const sealings = attributes.flatMap((name): [string, Sealed][] => {
    const sealing = columns[name]?.sealed;
    return sealing ? [[name, sealing]] : [];
  });
  const listOf = (prefix: string) =>
    attributes
      .map((name) => {
        const column = columnName(name);
        return column === name ? `${prefix}${name}` : `${prefix}${column} as "${name}"`;
      })
      .join(', ');
  return {
    attributes,
    columns: listOf(''),
    columnsOf: (alias) => listOf(`${alias}.`),
    of: (values) => ({
      ...(Object.fromEntries(attributes.map((name) => [name, columns[name]?.defaultValue ?? null])) as R),
      ...values,
    }),
    from: (instance) =>
      Object.fromEntries(attributes.map((name) => [name, instance.get(name as keyof M)])) as R,
    read(rows) {
      for (const row of rows as Record<string, unknown>[])
        for (const [name, sealing] of sealings) row[name] = open(sealing, row[name] as Buffer | null);
      return rows as R[];
    },
  };
}

/**
 * A statement that inserts any number of rows of a model, and its one parameter. Missing values are null. `suffix` follows the
 * rows, such as `on conflict do nothing`. Times are written as given, not set.
 */
export function insertionOf<M extends Model, A extends keyof Attributes<M> & string>(
  model: ModelStatic<M>,
  attributes: readonly A[],
  suffix = '',
): { statement: string; parameter(rows: readonly Pick<Attributes<M>, A>[]): string } {
  const definition = definitions.get(model);
  if (!definition) throw new Error(`${model.name} is not defined`);
  const columns = attributes.map(columnName).join(', ');
  // Only identity columns accept and need it.
  const isNumbered = attributes.some((name) => definition.columns[name]?.autoIncrementIdentity);
  const statement = `insert into ${definition.table} (${columns}) ${isNumbered ? 'overriding system value ' : ''}
    select ${columns} from json_populate_recordset(null::${definition.table}, $1::json) ${suffix}`;
  const valueOf = (name: A, value: unknown): unknown => {
    const sealing = definition.columns[name]?.sealed;
    return sealing && value !== null ? `\\x${seal(sealing, value)?.toString('hex')}` : value;
  };
  return {
    statement,
    parameter: (rows) =>
      JSON.stringify(
        rows.map((row) =>
          Object.fromEntries(attributes.map((name) => [columnName(name), valueOf(name, row[name])])),
        ),
      ),
  };
}

/** The `set` clause of a statement that changes rows of a model, and its parameters from $1. Undefined values change nothing. */
export function assignmentsOf<M extends Model>(
  model: ModelStatic<M>,
  changes: Partial<Attributes<M>>,
): { assignments: string; values: unknown[] } {
  const definition = definitions.get(model);
  if (!definition) throw new Error(`${model.name} is not defined`);
  const valueOf = (name: string, value: unknown): unknown => {
    const { type, sealed: sealing } = definition.columns[name] ?? {};
    if (sealing) return seal(sealing, value);
    return type === DataTypes.JSONB && value !== null ? JSON.stringify(value) : value;
  };
  const changed = Object.entries(changes).filter(([, value]) => value !== undefined);
  return {
    assignments: changed.map(([name], index) => `${columnName(name)} = $${index + 1}`).join(', '),
    values: changed.map(([name, value]) => valueOf(name, value)),
  };
}

/** The database's time, which all nodes share. */
export const now = () => fn('now');

/** When a row was written, by the clock of the database. */
export const createdAt = () =>
  ({ type: DataTypes.DATE, allowNull: false, defaultValue: now() }) satisfies ModelAttributeColumnOptions;

/** A reference to a row of `model`; this row is deleted with it. */
const ownedBy = <Type extends DataType>(model: string, type: Type) =>
  ({
    type,
    allowNull: false,
    references: { model, key: 'id' },
    onDelete: 'CASCADE',
  }) satisfies ModelAttributeColumnOptions;

/** The account that a row belongs to and is deleted with. */
export const ownAccount = () => ownedBy('users', DataTypes.UUID);

/** The column of a row that belongs to a client and goes with it. */
export const ownClient = () => ownedBy('clients', DataTypes.TEXT);

/**
 * Inserts a row unless a unique key rejects it. One statement: of concurrent attempts whose transactions commit, one succeeds.
 * @returns the new row, or null.
 */
export async function insertUnlessThere<M extends Model>(
  model: ModelStatic<M>,
  values: CreationAttributes<M>,
  tx: Tx,
): Promise<M | null> {
  // A variable of this type: with a literal, the return type of `create` would be void.
  const options: CreateOptions<Attributes<M>> = { ignoreDuplicates: true, transaction: tx };
  try {
    return await model.create(values, options);
  } catch (error) {
    if (error instanceof EmptyResultError) return null;
    throw error;
  }
}
