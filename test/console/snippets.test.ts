/** The settings that the console fills in are those of docs/connecting, which are held to what runs in examples and demo. */
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fillSnippet, SNIPPETS, type SnippetValues } from '../../src/http/console/clients/snippets.ts';
import { withoutIndentation } from '../support/text.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LOGIN = 'https://login.example.com';

/** How the pages write what the console fills in. */
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

/** The blocks of code of a page, but the command that registers the client. */
function blocksOf(page: string): string[] {
  const text = readFileSync(path.join(ROOT, 'docs/connecting', `${page}.md`), 'utf8');
  const blocks = [...text.matchAll(/^```\w+[^\n]*\n(.*?)^```/gms)].map(([, code = '']) => code);
  return blocks.filter((code) => !code.startsWith('postern client create'));
}

/** Without what differs between an excerpt and the whole: indentation, blank lines, a comma after the last member. */
const comparable = (code: string): string =>
  withoutIndentation(code)
    .replaceAll(/\n\s*\n/g, '\n')
    .trim()
    .replace(/,$/, '');

describe.each(SNIPPETS)('$name', (snippet) => {
  const none = { issuer: '', clientId: '', clientSecret: '', redirectUri: '' };

  it('is the code of its page', () => {
    const code = comparable(snippet.code({ ...none, ...AS_WRITTEN[snippet.id] }));
    const blocks = blocksOf(snippet.page);
    // Of a whole app the page shows the beginning of what matters; of handlers, some.
    const found = blocks.filter((block) => code.includes(comparable(block)));
    expect(found.length).toBeGreaterThan(0);
  });

  it('is filled in, without the secret', () => {
    const issuer = 'https://id.example.test';
    const redirectUri = 'https://app.example.test/cb';
    const code = fillSnippet(snippet, { issuer, clientId: 'a-client', redirectUri });
    expect(code).toContain(issuer);
    expect(code).toContain('a-client');
    expect(code).toContain(snippet.secret);
  });

  it('does not let a value out of its quotes', () => {
    const clientId = `a'b"c\\`;
    const code = fillSnippet(snippet, { issuer: 'https://x.example', clientId, redirectUri: 'x' });
    expect(code).toContain(snippet.literal(clientId));
  });
});
