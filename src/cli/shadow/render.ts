import { escapeText } from '../../core/html.ts';
import { table } from '../report.ts';
import type { ShadowReport } from './findings.ts';

const ms = (value: number | null): string => (value === null ? '-' : `${value} ms`);

/** The summary before the tables. */
function remarks(report: ShadowReport): string[] {
  const {
    old_down: old,
    postern_down: postern,
    not_compared: skipped,
    differences_omitted: omitted,
  } = report;
  return [
    ...(old
      ? [
          `The old service did not answer ${old.requests} requests (${old.error}), the last at ${old.last_at}. The proxy answered them itself.`,
        ]
      : []),
    ...(postern
      ? [
          `Postern did not answer ${postern.requests} requests (${postern.error}), the last at ${postern.last_at}.`,
        ]
      : []),
    ...(skipped['Postern limits its rate'] === undefined
      ? []
      : ['Postern takes all requests as from one address: add the proxy to its http.trustedProxies.']),
    ...(omitted > 0 ? [`${omitted} more differences are not listed.`] : []),
  ];
}

const operationRows = ({ operations }: ShadowReport): string[][] =>
  operations.map((one) => [
    one.endpoint,
    String(one.requests),
    String(one.compared),
    String(one.differing),
    `${ms(one.old.p50)} / ${ms(one.old.p99)}`,
    `${ms(one.postern.p50)} / ${ms(one.postern.p99)}`,
  ]);
const OPERATION_HEAD = ['operation', 'requests', 'compared', 'different', 'old p50/p99', 'Postern p50/p99'];

const differenceRows = ({ differences }: ShadowReport): string[][] =>
  differences.map((one) => [one.endpoint, one.kind, one.at, one.old, one.postern, String(one.count)]);
const DIFFERENCE_HEAD = ['operation', 'kind', 'where', 'old service', 'Postern', 'count'];

const skippedRows = ({ not_compared: skipped }: ShadowReport): string[][] =>
  Object.entries(skipped).map(([reason, count]) => [reason, String(count)]);

const summary = (report: ShadowReport): string =>
  `${report.requests} requests from ${report.since} to ${report.until}; ${report.compared} were compared, ${report.differing} differ. The proxy added ${ms(report.added_latency_ms.p50)} (p50), ${ms(report.added_latency_ms.p99)} (p99).`;

/** Renders the report for a terminal. */
export function toText(report: ShadowReport): string {
  const examples = report.differences
    .slice(0, 20)
    .map(
      (one) =>
        `${one.endpoint}: ${one.kind} ${one.at}\n  old      ${JSON.stringify(one.example.old)}\n  Postern  ${JSON.stringify(one.example.postern)}`,
    );
  return [
    `${report.door}: ${report.old} and ${report.postern}`,
    summary(report),
    ...remarks(report),
    ...(report.operations.length > 0 ? ['', table(OPERATION_HEAD, operationRows(report))] : []),
    ...(report.differences.length > 0
      ? ['', table(DIFFERENCE_HEAD, differenceRows(report)), '', ...examples]
      : ['', 'No differences.']),
    ...(skippedRows(report).length > 0 ? ['', table(['not compared', 'requests'], skippedRows(report))] : []),
  ].join('\n');
}

function htmlTable(head: string[], rows: string[][]): string {
  const cells = (row: string[], tag: string) =>
    row.map((cell) => `<${tag}>${escapeText(cell)}</${tag}>`).join('');
  const body = rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n');
  return `<table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #8886;vertical-align:top}
pre{overflow-x:auto;padding:.6rem;border:1px solid #8886}.remark{border-left:4px solid #c60;padding-left:.8rem}`;

/** Renders the report as a self-contained page without scripts. */
export function toPage(report: ShadowReport): string {
  const examples = report.differences.map(
    (one) =>
      `<details><summary>${escapeText(`${one.endpoint}: ${one.kind} ${one.at}, ${one.count} times`)}</summary><pre>${escapeText(
        JSON.stringify(one.example, null, 2),
      )}</pre></details>`,
  );
  const title = `${report.door}: the old service and Postern`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeText(title)}</title><style>${STYLE}</style></head><body>
<h1>${escapeText(title)}</h1>
<p>${escapeText(report.old)} and ${escapeText(report.postern)}</p>
<p>${escapeText(summary(report))}</p>
${remarks(report)
  .map((remark) => `<p class="remark">${escapeText(remark)}</p>`)
  .join('\n')}
<h2>Operations</h2>
${htmlTable(OPERATION_HEAD, operationRows(report))}
<h2>Differences</h2>
${report.differences.length === 0 ? '<p>None.</p>' : htmlTable(DIFFERENCE_HEAD, differenceRows(report))}
${examples.length === 0 ? '' : `<h2>Examples</h2>\n${examples.join('\n')}`}
<h2>Not compared</h2>
${htmlTable(['reason', 'requests'], skippedRows(report))}
</body></html>
`;
}
