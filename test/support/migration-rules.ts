/** Tables that operators fill by hand: small enough to be read or written completely. */
const SMALL = new Set([
  'apis',
  'attribute_schemas',
  'branding',
  'contract_states',
  'roles',
  'runtime_settings',
  'scim_tokens',
  'signing_keys',
  'upstreams',
  'webhooks',
]);

const NO_TRANSACTION = '-- postern: no transaction\n';
const CONTRACTION = /^-- postern: contract after \S+$/m;
/** Comment that excuses a fast statement from a rule, with the reason. */
const EXCUSE = /^\s*-- lock: \S/m;

/** A statement of a migration. */
interface Statement {
  /** Lower case, without comments, with empty strings and function bodies. */
  text: string;
  table: string;
  isExcused: boolean;
}

interface Migration {
  /** Runs its statements one by one, each in its own transaction. */
  isAlone: boolean;
  isContraction: boolean;
  statements: Statement[];
}

const COMMENTS_AND_STRINGS = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|(\$\w*\$)[\s\S]*?\1/g;

const TABLE =
  /^(?:alter table|drop table|truncate(?: table)?|update|delete from|create table)(?: if (?:not )?exists)?(?: only)? "?([\w.]+)"?/;
const INDEXED = /^create (?:unique )?index .*? on (?:only )?"?(\w+)"?/;

/** Splits a file into statements. Semicolons in strings and function bodies do not separate them. */
function read(sql: string): Migration {
  // Same length, so that positions match the file.
  const bare = sql.replaceAll(COMMENTS_AND_STRINGS, (found) =>
    found.startsWith('--') || found.startsWith('/*')
      ? ' '.repeat(found.length)
      : `''${' '.repeat(found.length - 2)}`,
  );
  let from = 0;
  const statements = bare.split(';').map((part): Statement => {
    const original = sql.slice(from, from + part.length);
    from += part.length + 1;
    const text = part.replaceAll(/\s+/g, ' ').trim().toLowerCase();
    const table = (TABLE.exec(text) ?? INDEXED.exec(text))?.[1] ?? '';
    return { text, table, isExcused: EXCUSE.test(original) };
  });
  return {
    isAlone: sql.startsWith(NO_TRANSACTION),
    isContraction: CONTRACTION.test(sql),
    statements: statements.filter(({ text }) => text !== ''),
  };
}

/** The parts of `alter table … a, b(c, d), e` after the name, split at commas outside parentheses. */
function actionsOf(text: string): string[] {
  const rest = text.replace(TABLE, '').trim();
  const actions: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < rest.length; index += 1) {
    const character = rest[index];
    if (character === '(') depth += 1;
    if (character === ')') depth -= 1;
    if (character !== ',' || depth > 0) continue;
    actions.push(rest.slice(start, index).trim());
    start = index + 1;
  }
  return [...actions, rest.slice(start).trim()];
}

/** Functions that have one value per statement: a default by them rewrites no table. */
const STABLE = /\b(?:now|transaction_timestamp|statement_timestamp)\(\)|\b(?:current_\w+)\b/g;

function ofColumn(action: string): string | undefined {
  if (/\bgenerated (?:always|by default)\b|\b(?:small|big)?serial\b/.test(action))
    return 'rewrites the table: add a plain column, have both versions live without it, and fill it in batches after the start';
  const isRequired = action.includes('not null');
  const [, value] = / default (.+)/.exec(action) ?? [];
  if (value !== undefined && /\w+\(/.test(value.replaceAll(STABLE, '')))
    return 'rewrites the table, because its default differs by row: add the column without, then `alter column … set default`';
  if (isRequired && value === undefined)
    return 'fails where there are rows, and stops the version before, which does not write it: make it nullable or give it a constant default';
  if (/\b(?:unique|primary key)\b/.test(action))
    return 'builds an index under a lock: add the column alone, then `create unique index concurrently`';
  return undefined;
}

function ofConstraint(action: string): string | undefined {
  if (/\b(?:check|foreign key)\b/.test(action) && !/\bnot valid\b/.test(action))
    return 'reads the whole table under a lock: add it `not valid`, and `validate constraint` in a later file';
  if (/\b(?:unique|primary key)\b/.test(action) && !/\busing index\b/.test(action))
    return 'builds an index under a lock: `create unique index concurrently`, then add the constraint `using index`';
  if (/\bexclude\b/.test(action)) return 'builds an index under a lock, and there is no other way';
  return undefined;
}

/** Whether earlier statements validated it, so that `set not null` need not scan the table. */
const isChecked = (column: string, table: string, before: readonly Statement[]): boolean =>
  before.some((one) => one.table === table && one.text.includes(`check (${column} is not null)`)) &&
  before.some((one) => one.table === table && one.text.includes('validate constraint'));

interface Context {
  migration: Migration;
  /** Statements of earlier files, and of this file when each statement has its own transaction. */
  settled: readonly Statement[];
}

/** Statements that remove what the previous version may use. */
const REMOVES = /^(?:drop (?:column|constraint)?|rename|alter (?:column )?\S+ drop default)/;

function ofAction(action: string, table: string, { migration, settled }: Context): string | undefined {
  if (/^add constraint\b/.test(action)) return ofConstraint(action);
  if (/^add (?:check|foreign key|unique|primary key|exclude)\b/.test(action)) return ofConstraint(action);
  if (/^add\b/.test(action)) return ofColumn(action);
  if (/^alter\b.*\b(?:set data )?type\b/.test(action))
    return 'rewrites the table: add a column of the new type, write both, fill it in batches, and drop the old one in a contraction';
  const [, required] = /^alter (?:column )?(\S+) set not null/.exec(action) ?? [];
  if (required !== undefined && !isChecked(required, table, settled))
    return `reads the whole table under a lock: add \`check (${required} is not null) not valid\` and validate it in earlier files`;
  if (/^validate constraint\b/.test(action) && !migration.isAlone) {
    const isMixed = migration.statements.some(
      (one) => one.table === table && one.text.includes('add constraint'),
    );
    if (isMixed)
      return 'reads the whole table under the lock of `add constraint`: put it into a file of its own';
  }
  if (/^attach partition\b/.test(action))
    return 'reads the whole partition under a lock, unless a validated check constraint says its bounds: say so in a `-- lock:` comment';
  if (/^set (?:tablespace|logged|unlogged|access method)\b/.test(action)) return 'rewrites the table';
  if (REMOVES.test(action) && !/^drop constraint\b/.test(action) && !migration.isContraction)
    return 'takes away what the version before may use: begin the file with `-- postern: contract after NNNN-name`, the migration from which on nothing uses it, one release later';
  return undefined;
}

function ofIndex({ text }: Statement, { migration }: Context): string | undefined {
  if (!text.includes(' concurrently '))
    return 'keeps writers out until it is built: `create index concurrently`, in a file that begins with `-- postern: no transaction`';
  if (!migration.isAlone)
    return 'does not run in a transaction: begin the file with `-- postern: no transaction`';
  const [, name = ''] = /concurrently (?:if not exists )?(\w+) on/.exec(text) ?? [];
  if (!migration.statements.some((one) => one.text === `drop index concurrently if exists ${name}`))
    return `leaves an invalid index when it is broken off: begin with \`drop index concurrently if exists ${name}\``;
  return undefined;
}

function ofStatement(statement: Statement, context: Context): string | undefined {
  const { text, table } = statement;
  const { migration } = context;
  if (/^create (?:unique )?index\b/.test(text)) return ofIndex(statement, context);
  if (/^alter type\b/.test(text))
    return 'the version before does not know the new value: use text with a check, and write the value one release after all read it';
  if (/^(?:cluster|vacuum full|lock|reindex(?!.*concurrently)|refresh materialized|truncate)\b/.test(text))
    return 'locks a whole table';
  if (/^drop (?:table|view|type|function|sequence)\b/.test(text) && !migration.isContraction)
    return 'takes away what the version before may use: begin the file with `-- postern: contract after NNNN-name`';
  if (/^(?:update|delete from)\b/.test(text))
    return 'changes a table of any size in one transaction: do it in batches after the start (src/storage/oidc/sweeper.ts), and let code live with both';
  if (!/^alter table\b/.test(text)) return undefined;
  for (const action of actionsOf(text)) {
    const found = ofAction(action, table, context);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Rules for tables that may be large: existing ones that operators do not fill by hand. */
const isLarge = (table: string, made: ReadonlySet<string>) => !SMALL.has(table) && !made.has(table);

/**
 * Finds statements that harm a running server of the previous version: long locks, and removal of what it uses
 * (expand and contract). @param files migrations by name, oldest first @returns messages for the author of the
 * migration: its name, the statement, what to write instead
 */
export function problemsOf(files: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const earlier: Statement[] = [];
  for (const [name, sql] of files) {
    const migration = read(sql);
    const made = new Set<string>();
    const own: Statement[] = [];
    for (const statement of migration.statements) {
      const { text, table, isExcused } = statement;
      const settled = migration.isAlone ? [...earlier, ...own] : earlier;
      const problem =
        isExcused || !isLarge(table, made) ? undefined : ofStatement(statement, { migration, settled });
      if (problem !== undefined) problems.push(`${name}: "${text.slice(0, 120)}" ${problem}`);
      if (/^create table\b/.test(text)) made.add(table);
      own.push(statement);
    }
    earlier.push(...own);
  }
  return problems;
}
