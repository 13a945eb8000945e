import { parseSync } from '@swc/core';

/** A mutation of one decision in a source file. */
export interface Mutant {
  line: number;
  /** The mutation and the text it applies to. */
  change: string;
  /** The whole mutated file. */
  code: string;
}

interface Node {
  type: string;
  span: { start: number; end: number };
  [member: string]: unknown;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

const SWAPPED: Readonly<Record<string, string>> = {
  '===': '!==',
  '!==': '===',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
};

/** Calls that report and decide nothing. */
const TELLS = /^(?:await )?(?:\w+\.)*(?:logger|log|metrics|span)\.|^ctx\.set\('(?:RateLimit|Retry)/;

/**
 * The mutants of a file: negated conditions, comparisons moved by one, clauses of `and` and `or` left out, columns left out of a
 * `where`, refusals not thrown, calls for their effect left out, boolean results inverted.
 */
export function mutantsOf(source: string): Mutant[] {
  // A leading statement marks where the file begins. Spans are in bytes.
  const text = Buffer.from(`;${source}`);
  const tree = parseSync(text.toString(), { syntax: 'typescript', target: 'es2024' });
  const base = tree.span.start;
  const mutants: Mutant[] = [];
  const slice = (from: number, to: number) => text.subarray(from - base, to - base).toString();
  const textOf = ({ span }: Node) => slice(span.start, span.end);
  const add = (what: string, { start, end }: Node['span'], replacement: string) => {
    const before = slice(base, start);
    const shown = slice(start, end).replaceAll(/\s+/g, ' ');
    mutants.push({
      line: before.split('\n').length,
      change: `${what}: ${shown.length > 90 ? `${shown.slice(0, 89)}…` : shown}`,
      code: `${before}${replacement}${text.subarray(end - base).toString()}`.slice(1),
    });
  };
  /** Skip conditions whose operator is inverted anyway. */
  const negate = (test: Node) => {
    const isCovered =
      (test.type === 'BinaryExpression' && ['===', '!=='].includes(String(test['operator']))) ||
      (test.type === 'UnaryExpression' && test['operator'] === '!');
    if (!isCovered) add('negate', test.span, `!(${textOf(test)})`);
  };
  const visitors: Readonly<Record<string, (node: Node) => void>> = {
    IfStatement: (node) => negate(node['test'] as Node),
    ConditionalExpression: (node) => negate(node['test'] as Node),
    UnaryExpression: (node) => {
      if (node['operator'] === '!') add('drop the not', node.span, textOf(node['argument'] as Node));
    },
    BinaryExpression: (node) => {
      const operator = String(node['operator']);
      const [left, right] = [node['left'] as Node, node['right'] as Node];
      if (operator === '&&' || operator === '||')
        for (const [side, kept] of Object.entries({ left: right, right: left }))
          add(`leave out the ${side} clause`, node.span, `(${textOf(kept)})`);
      const swapped = SWAPPED[operator];
      if (swapped === undefined) return;
      const between = slice(left.span.end, right.span.start).replace(operator, swapped);
      add(`${operator} to ${swapped}`, node.span, `${textOf(left)}${between}${textOf(right)}`);
    },
    KeyValueProperty: ({ key, value }) => {
      if (textOf(key as Node) !== 'where' || (value as Node).type !== 'ObjectExpression') return;
      for (const column of (value as Node)['properties'] as Node[]) {
        const { key: first, value: last } =
          column.type === 'Identifier' ? { key: column, value: column } : column;
        if (isNode(first) && isNode(last))
          add('any value', { start: first.span.start, end: last.span.end }, '...{}');
      }
    },
    ThrowStatement: (node) => add('do not throw', node.span, ';'),
    ExpressionStatement: (node) => {
      const isCall = /^(?:Await|Call)Expression$/.test((node['expression'] as Node).type);
      if (isCall && !TELLS.test(textOf(node))) add('leave out', node.span, ';');
    },
    ReturnStatement: (node) => turnRound(node['argument']),
    ArrowFunctionExpression: (node) => turnRound(node['body']),
  };
  const turnRound = (answer: unknown) => {
    if (isNode(answer) && answer.type === 'BooleanLiteral')
      add('turn round', answer.span, String(!answer['value']));
  };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isNode(value)) {
      visitors[value.type]?.(value);
      Object.values(value).forEach(visit);
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(visit);
  };
  visit(tree.body);
  return mutants;
}
