import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import { errors, Provider } from 'oidc-provider';
import { StartupError } from '../../src/core/errors.ts';
import { checkPage } from '../../src/oidc/overrides/form-post.ts';
import { INSTALLED, installAll, OVERRIDES, warnOfUnproven } from '../../src/oidc/overrides/index.ts';
import { checkSentences } from '../../src/oidc/refusals/install.ts';
import { isWithin, libraryVersion } from '../../src/oidc/overrides/override.ts';

const ROOM = join(import.meta.dirname, '../../src/oidc');
const sources = readdirSync(ROOM, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join(ROOM, file), 'utf8') }));

const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = await exportJWK(privateKey);
let provider: Provider;
beforeEach(() => {
  provider = new Provider('https://op.example', {
    jwks: { keys: [{ ...jwk, alg: 'ES256', kid: 'a' }] },
    cookies: { keys: ['a'] },
    // Nothing is stored: the checks only look at methods.
    adapter: () => ({ destroy: () => undefined }) as never,
    features: { devInteractions: { enabled: false } },
  });
});

describe('the check of overrides at start', () => {
  it('passes for every override', () => {
    expect(() => OVERRIDES.forEach(({ check }) => check(provider))).not.toThrow();
  });

  it.each([
    ['refresh-rotation', 'RefreshToken.prototype.consume', (at: Provider) => at.RefreshToken.prototype],
    ['device-approval', 'DeviceCode.prototype.save', (at: Provider) => at.DeviceCode.prototype],
    ['hashed-client-secrets', 'Client.prototype.compareClientSecret', (at: Provider) => at.Client.prototype],
    ['id-token-hints', 'IdToken.validate', (at: Provider) => at.IdToken],
  ])('refuses %s without %s by name, and installs nothing', (name, path, owner) => {
    Object.assign(owner(provider), { [path.split('.').at(-1) ?? '']: undefined });
    const before = provider.middleware.length;
    const start = () => installAll(provider, {} as never);
    expect(start).toThrow(StartupError);
    expect(start).toThrow(`oidc-provider ${libraryVersion()} does not fit the override ${name} (`);
    expect(start).toThrow(`${path} is not there any more`);
    expect(provider.middleware).toHaveLength(before);
  });

  it('fails if a field is no longer stored', () => {
    const { Session } = provider as unknown as { Session: { IN_PAYLOAD: string[] } };
    const fields = Session.IN_PAYLOAD.filter((field) => field !== 'state');
    Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => fields });
    expect(() => installAll(provider, {} as never)).toThrow(
      /override form-state .*Session\.IN_PAYLOAD\.state/,
    );
  });

  it('fails if a session forgets its former id', () => {
    Object.assign(provider.Session.prototype, { resetIdentifier: () => undefined });
    expect(() => installAll(provider, {} as never)).toThrow(/override session-renewal .*oldId/);
  });

  it('looks at the provider for every override except the one of a page', () => {
    const blind = OVERRIDES.filter(({ check }) => {
      try {
        check({} as Provider);
        return true;
      } catch {
        return false;
      }
    });
    expect(blind.map(({ name }) => name)).toEqual(['form-post']);
  });

  it('fails if a sentence of the library has changed', () => {
    const check = (one: Provider) => () => checkSentences(one);
    const throwing = (error: Error) =>
      ({
        Client: function Client() {
          throw error;
        },
      }) as unknown as Provider;
    expect(check(provider)).not.toThrow();
    expect(check(throwing(new errors.InvalidClientMetadata('a list is needed')))).toThrow(
      '"a list is needed" does not begin with a property any more',
    );
    expect(check(throwing(new Error('else')))).toThrow('not refused as it was');
  });

  it('fails if a page of the library has changed', () => {
    expect(() => checkPage(undefined)).toThrow('is not there any more');
    const another = (ctx: object) => Object.assign(ctx, { body: '<!doctype html><form></form>' });
    expect(() => checkPage(another)).toThrow('cannot be read any more');
  });
});

describe('another version of the library', () => {
  it('leads to one warning that names the overrides', () => {
    const warn = jest.fn();
    warnOfUnproven({ warn } as never, '9.14.0');
    expect(warn.mock.calls).toEqual([
      [{ version: '9.14.0', overrides: OVERRIDES.map(({ name }) => name) }, expect.any(String)],
    ]);
  });

  it('is not the installed one', () => {
    const warn = jest.fn();
    warnOfUnproven({ warn } as never);
    expect(warn).not.toHaveBeenCalled();
  });

  it.each([
    ['9.13.x', '9.13.3', true],
    ['9.13.x', '9.14.0', false],
    ['9.x', '9.14.0', true],
    ['9.x', '10.0.0', false],
    ['9.13.3', '9.13.4', false],
  ])('%s and %s: %s', (range, version, expected) => {
    expect(isWithin(range, version)).toBe(expected);
  });
});

describe('the list of overrides', () => {
  it('has every declared override, each with its own name', async () => {
    const declared = await Promise.all(
      sources.flatMap(({ file, text }) =>
        [...text.matchAll(/^export const (\w+): (?:Override|Extension)</gm)].map(async ([, name = '']) => {
          const module = (await import(join(ROOM, file))) as Record<string, { name: string }>;
          return module[name]?.name;
        }),
      ),
    );
    const listed = INSTALLED.map(({ name }) => name);
    expect(new Set(listed).size).toBe(listed.length);
    expect(new Set(declared)).toEqual(new Set(listed));
  });

  it('is all that the provider is built with', () => {
    const text = sources.find(({ file }) => file === 'provider.ts')?.text;
    expect(text?.match(/\binstall\w*\(/g)).toEqual(['installAll(']);
  });

  it('has every file that changes a model of the library', () => {
    const changing = sources.filter(({ text }) => /\.prototype\b|\bIN_PAYLOAD\b/.test(text));
    const unlisted = changing.filter(({ text }) => !/^export const \w+: Override</m.test(text));
    // The type itself.
    expect(unlisted.map(({ file }) => file)).toEqual(['overrides/override.ts']);
  });
});
