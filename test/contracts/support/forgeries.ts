/** Access tokens that a contract must refuse. */
import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../support/ports.ts';
import { post, signIn } from '../../oidc/support/flow.ts';
import { UserAgent } from '../../oidc/support/user-agent.ts';
import { startPostern } from '../../support/postern.ts';
import { type ContractServer, visitorAt } from './server.ts';
import { flows, type Name, names } from './members.ts';

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface Forgeries {
  /** By what is wrong with each. */
  at(name: Name): Promise<Record<string, string>>;
}

/** Prepares what is slow once: expired tokens, tokens of other clients. */
export async function forgeries(server: ContractServer): Promise<Forgeries> {
  const { CONFIG_FILE: _settings, ...env } = server.postern.env;
  const brief = { access: 1, refresh: 600 };
  const hasty = await startPostern({
    env: { ...env, PORT: String(await freePort()) },
    settings: { contracts: { tokens: Object.fromEntries(names.map((name) => [name, brief])) } },
  });
  const expired = new Map<Name, string>();
  for (const name of names) {
    const visitor = visitorAt(name, `http://localhost:${hasty.port}/contracts/${name}`, server.apiKey);
    expired.set(name, (await flows[name].join(visitor)).token);
  }
  await hasty.stop();
  const last = Math.max(...[...expired.values()].map((token) => decodeJwt(token).exp ?? 0));
  while (Date.now() <= last * 1000) await sleep(50);

  const service = await server.createClient({ grant_types: ['client_credentials'], scope: 'contract' });
  const app = await server.createClient();
  const ofPeople = await signIn(server, app, await server.createPerson(), {
    agent: new UserAgent(server.url),
  });
  const serviceToken = async (parameters: Record<string, string>) => {
    const { body } = await post<Record<string, string>>(server, 'token', service, {
      grant_type: 'client_credentials',
      ...parameters,
    });
    return body['access_token']!;
  };
  /** A token refreshed with a proof of possession (RFC 9449), valid only with such a proof. */
  const boundToken = async (name: Name, refreshToken: string) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const proof = await new SignJWT({ htm: 'POST', htu: `${server.url}/oauth2/token`, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
    const client = { id: `contract:${name}`, secret: '', redirectUri: '' };
    const { body } = await post<Record<string, string>>(server, 'token', client, grant, { DPoP: proof });
    if (body['token_type'] !== 'DPoP') throw new Error(JSON.stringify(body));
    return body['access_token']!;
  };
  const ofServices = await serviceToken({});

  return {
    async at(name) {
      const visitor = server.visitor(name);
      const { token: good, refreshToken } = await flows[name].join(visitor);
      const [header = '', payload = '', signature = ''] = good.split('.');
      const claims = decodeJwt(good);
      const { kid, alg } = decodeProtectedHeader(good);
      const typ = 'at+jwt';
      const forge = (
        key: Parameters<SignJWT['sign']>[0],
        protectedHeader: { alg: string; [name: string]: unknown },
      ) => new SignJWT(claims).setProtectedHeader({ typ, ...protectedHeader }).sign(key);
      const { privateKey } = await generateKeyPair(String(alg));
      const [jwk] = ((await (await fetch(`${server.url}/oauth2/jwks`)).json()) as { keys: object[] }).keys;
      const revoked = await flows[name].join(visitor);
      await post(
        server,
        'revoke',
        { id: `contract:${name}`, secret: '', redirectUri: '' },
        { token: revoked.token },
      );
      const other = names[(names.indexOf(name) + 1) % names.length]!;
      return {
        'no token': NO_JWT,
        'expired': expired.get(name)!,
        'revoked': revoked.token,
        'of another door': (await flows[other].join(server.visitor(other))).token,
        'of another API': ofServices,
        "of another client for this door's API": await serviceToken({
          resource: `${server.url}/contracts/${name}`,
          scope: 'contract',
        }),
        'an ID token': ofPeople.id_token,
        "an app's access token": ofPeople.access_token,
        'a refresh token': refreshToken || NO_JWT,
        'bound to a key': refreshToken ? await boundToken(name, refreshToken) : NO_JWT,
        'of another key': await forge(privateKey, { alg: String(alg), kid }),
        'of another key, without its name': await forge(privateKey, { alg: String(alg) }),
        'signed with the public key as a secret': await forge(new TextEncoder().encode(JSON.stringify(jwk)), {
          alg: 'HS256',
          kid,
        }),
        'alg none': `${encode({ alg: 'none', typ, kid })}.${payload}.`,
        'alg None, with a signature': `${encode({ alg: 'None', typ, kid })}.${payload}.${signature}`,
        'its own key in the header': await forge(privateKey, { alg: String(alg), jwk }),
        'another header': `${encode({ alg, kid, typ: 'JWT' })}.${payload}.${signature}`,
        'changed': `${header}.${encode({ ...claims, roles: ['admin'] })}.${signature}`,
        'without its signature': `${header}.${payload}.`,
        'with a part too many': `${good}.x`,
        'a number': '42',
        'long': `${header}.${'x'.repeat(6000)}.${signature}`,
      };
    },
  };
}

const NO_JWT = 'not.a.token';
