/**
 * The snippets of the console are those of docs/connecting, which are compared with the examples and the
 * demo.
 */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fillSnippet, SNIPPETS, type SnippetValues } from '../../src/http/console/clients/snippets.ts';
import { withoutIndentation } from '../support/text.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LOGIN = 'https://login.example.com';

/** The values as the pages write them. */
const AS_WRITTEN: Record<string, Partial<SnippetValues>> = {
  'auth-js': { issuer: 'ISSUER', clientId: 'CLIENT_ID', clientSecret: 'CLIENT_SECRET' },
  'express': {},
  'oidc-client-ts': {},
  'react-oidc-context': { issuer: 'ISSUER', clientId: 'CLIENT_ID' },
  'spring-boot': { issuer: LOGIN, clientId: '${CLIENT_ID}', clientSecret: '${CLIENT_SECRET}' },
  'aspnet-core': {
    issuer: `"${LOGIN}"`,
    clientId: 'builder.Configuration["Postern:ClientId"]',
    clientSecret: 'builder.Configuration["Postern:ClientSecret"]',
  },
  'django-allauth': {
    issuer: 'os.environ["ISSUER"]',
    clientId: 'os.environ["CLIENT_ID"]',
    clientSecret: 'os.environ["CLIENT_SECRET"]',
  },
  'authlib': {
    issuer: 'os.environ["ISSUER"]',
    clientId: 'os.environ["CLIENT_ID"]',
    clientSecret: 'os.environ["CLIENT_SECRET"]',
  },
  'go-oidc': {
    issuer: 'os.Getenv("ISSUER")',
    clientId: 'os.Getenv("CLIENT_ID")',
    clientSecret: 'os.Getenv("CLIENT_SECRET")',
    redirectUri: '"http://localhost:" + port + "/callback"',
  },
  'oauth2-proxy': {
    issuer: LOGIN,
    clientId: '$CLIENT_ID',
    clientSecret: '$CLIENT_SECRET',
    redirectUri: 'https://auth.example.com/oauth2/callback',
  },
};

/** The code blocks of a page, except for the command that registers the client. */
function blocksOf(page: string): string[] {
  const text = readFileSync(path.join(ROOT, 'docs/connecting', `${page}.md`), 'utf8');
  const blocks = [...text.matchAll(/^```\w+[^\n]*\n(.*?)^```/gms)].map(([, code = '']) => code);
  return blocks.filter((code) => !code.startsWith('postern client create'));
}

/** Ignores how an excerpt differs from the whole: indentation, blank lines, the last comma. */
const comparable = (code: string): string =>
  withoutIndentation(code)
    .replaceAll(/\n\s*\n/g, '\n')
    .trim()
    .replace(/,$/, '');

describe.each(SNIPPETS)('$name', (snippet) => {
  const none = { issuer: '', clientId: '', clientSecret: '', redirectUri: '' };

  it('is the code of its page in docs/connecting', () => {
    const code = comparable(snippet.code({ ...none, ...AS_WRITTEN[snippet.id] }));
    const blocks = blocksOf(snippet.page);
    // Of a whole app the page shows how the relevant part begins, of handlers a few lines.
    const found = blocks.filter((block) => code.includes(comparable(block)));
    expect(found.length).toBeGreaterThan(0);
  });

  it('is filled in without the secret', () => {
    const issuer = 'https://id.example.test';
    const redirectUri = 'https://app.example.test/cb';
    const code = fillSnippet(snippet, { issuer, clientId: 'a-client', redirectUri });
    expect(code).toContain(issuer);
    expect(code).toContain('a-client');
    expect(code).toContain(snippet.secret);
  });

  it('quotes every value safely', () => {
    const clientId = `a'b"c\\`;
    const code = fillSnippet(snippet, { issuer: 'https://x.example', clientId, redirectUri: 'x' });
    expect(code).toContain(snippet.literal(clientId));
  });
});
