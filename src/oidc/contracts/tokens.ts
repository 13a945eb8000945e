import type { RequestListener } from 'node:http';
import { decodeJwt } from 'jose';
import { errors } from 'oidc-provider';
import type { Actor } from '../../core/actor.ts';
import { DomainError, isDomainError } from '../../core/errors.ts';
import { sha256 } from '../../core/ids.ts';
import { strengthOf } from '../../domain/mfa/requirement.ts';
import type { OldTokens } from '../../domain/old-tokens.ts';
import { rolesOf } from '../../domain/operators/rights.ts';
import type { AccessTokenClaims, AccessTokenVerifier } from '../tokens/access-token-verifier.ts';
import { type ApiRegistry, MAX_ACCESS_TOKEN_TTL, resourceServerOf } from '../tokens/apis.ts';
import { CONTRACT_CLIENT } from '../../core/contract-client.ts';
import { CONTRACT_SCOPE, contractAudience } from './clients.ts';
import type { LoginBehind } from '../tokens/extra-claims.ts';
import { ENDPOINTS } from '../endpoints.ts';
import type { LiveProvider } from '../live-provider.ts';

/** The tokens of a login at a contract. */
export interface TokenSet {
  accessToken: string;
  refreshToken: string;
  /** Of the access token. */
  expiresAt: Date;
  accountId: string;
}

/** The claims of a contract's access token: who the account is, as contracts show it. */
export interface ContractClaims extends AccessTokenClaims {
  user_number: number;
  username: string;
  roles: string[];
}

interface Dependencies {
  live: LiveProvider;
  apis: ApiRegistry;
  verifier: AccessTokenVerifier;
  publicUrl: string;
  /** The provider's own listener: refreshing goes to its token endpoint. */
  provider(): RequestListener;
  endGrant(grantId: string): Promise<void>;
  /** Tokens of the services that contracts replace. */
  oldTokens: Pick<OldTokens, 'access' | 'hasExpired' | 'refresh' | 'end'>;
  /** Whether a contract hands out a new refresh token with each refresh. */
  isRotating(contract: string): boolean;
  /** Receives the account that logged out. */
  loggedOut(accountId: string, actor: Actor): Promise<void>;
}

/** The library's messages for a grant, or its account, that ended while tokens were made under it. */
const isGone = (error: unknown): boolean => error instanceof errors.InvalidGrant;

/**
 * The tokens of contracts are tokens of the provider, each login with its own grant. So they verify by JWKS, introspect, revoke
 * and refresh like any other.
 */
export class ContractTokens {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /**
   * Tokens for an account that has just logged in at `contract`.
   * @throws DomainError invalid_credentials when the account was suspended or deleted meanwhile.
   */
  async issue(contract: string, accountId: string, login: LoginBehind): Promise<TokenSet> {
    try {
      return await this.#mint(contract, accountId, login);
    } catch (error) {
      throw isGone(error) ? new DomainError('invalid_credentials', {}, { cause: error }) : error;
    }
  }

  async #mint(contract: string, accountId: string, login: LoginBehind): Promise<TokenSet> {
    const { live, apis, publicUrl } = this.#deps;
    const provider = live.current;
    const resource = contractAudience(publicUrl, contract);
    const client = await provider.Client.find(`${CONTRACT_CLIENT}${contract}`);
    const api = apis.find(resource);
    if (!client || !api) throw new Error(`there is no client for the contract ${contract}`);
    const grant = new provider.Grant({ accountId, clientId: client.clientId });
    grant.addResourceScope(resource, CONTRACT_SCOPE);
    const grantId = await grant.save();
    const common = { accountId, client, grantId, gty: 'contract', scope: CONTRACT_SCOPE };

    const accessToken = new provider.AccessToken(common);
    accessToken.resourceServer = new provider.ResourceServer(
      resource,
      resourceServerOf(api, api.scopes, MAX_ACCESS_TOKEN_TTL),
    );
    Object.assign(accessToken, { login });
    const refreshToken = new provider.RefreshToken({
      ...common,
      ...login,
      resource,
      rotations: 0,
    });
    const [jwt, refresh] = await Promise.all([accessToken.save(), refreshToken.save()]);
    return tokenSet(jwt, refresh);
  }

  /** Ends tokens that were made but are not handed out. */
  async discard({ accessToken }: TokenSet): Promise<void> {
    const { gid } = decodeJwt<ContractClaims>(accessToken);
    if (gid !== undefined) await this.#deps.endGrant(gid);
  }

  /**
   * Refreshes as the token endpoint does, including rotation, its grace and the end of a reused family. A refresh token of the
   * service that the contract replaces is exchanged once.
   * @throws DomainError invalid_token, unavailable.
   */
  async refresh(contract: string, refreshToken: string, actor: Actor): Promise<TokenSet> {
    const old = await this.#deps.oldTokens.refresh(contract, refreshToken);
    if (!old) return this.#refresh(contract, refreshToken, actor);
    const { accountId, authTime } = old;
    const login = { ...strengthOf(['password']), authTime };
    const issue = () => this.#mint(contract, accountId, login);
    try {
      return await old.exchange(this.#deps.isRotating(contract), issue, (token) =>
        this.#refresh(contract, token, actor),
      );
    } catch (error) {
      throw isGone(error) ? new DomainError('invalid_token', {}, { cause: error }) : error;
    }
  }

  async #refresh(contract: string, refreshToken: string, actor: Actor): Promise<TokenSet> {
    const { default: inject } = await import('light-my-request');
    const reply = await inject(this.#deps.provider(), {
      method: 'POST',
      url: ENDPOINTS.token,
      headers: {
        'host': new URL(this.#deps.publicUrl).host,
        'x-forwarded-proto': new URL(this.#deps.publicUrl).protocol.slice(0, -1),
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': actor.ip ?? '',
        'user-agent': actor.userAgent ?? '',
        'x-request-id': actor.requestId ?? '',
      },
      payload: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        client_id: `${CONTRACT_CLIENT}${contract}`,
      }).toString(),
    });
    if (reply.statusCode >= 500) throw new DomainError('unavailable');
    if (reply.statusCode !== 200) throw new DomainError('invalid_token');
    const body = reply.json<{ access_token: string; refresh_token: string }>();
    return tokenSet(body.access_token, body.refresh_token);
  }

  /**
   * The claims of a valid Bearer access token that `contract` handed out; else null. A token of the service that the contract
   * replaces counts as well.
   */
  async verify(contract: string, token: string): Promise<ContractClaims | null> {
    const claims = await this.#deps.verifier.verifyBearer(token);
    const isOfContract =
      claims?.client_id === `${CONTRACT_CLIENT}${contract}` &&
      claims.aud === contractAudience(this.#deps.publicUrl, contract);
    if (claims) return isOfContract ? (claims as ContractClaims) : null;
    return this.#verifyOld(contract, token);
  }

  async #verifyOld(contract: string, token: string): Promise<ContractClaims | null> {
    const old = await this.#deps.oldTokens.access(contract, token);
    if (!old) return null;
    const { account, issuedAt, expiresAt } = old;
    return {
      iss: this.#deps.publicUrl,
      sub: account.id,
      client_id: `${CONTRACT_CLIENT}${contract}`,
      aud: contractAudience(this.#deps.publicUrl, contract),
      jti: sha256(token),
      iat: issuedAt,
      exp: expiresAt,
      user_number: account.number,
      username: account.username ?? account.email,
      roles: rolesOf(account),
    };
  }

  /** Whether it is a token of ours, or of the service that `contract` replaces, that has only expired. */
  async hasExpired(contract: string, token: string): Promise<boolean> {
    const { verifier, oldTokens } = this.#deps;
    return (await verifier.hasExpired(token)) || oldTokens.hasExpired(contract, token);
  }

  /**
   * Ends the login behind an access token: its grant, with every token under it. The login of an old service's token
   * is unknown: all logins of the account end.
   */
  async end({ gid, sub }: ContractClaims, actor: Actor): Promise<void> {
    if (gid !== undefined) await this.#deps.endGrant(gid);
    await this.#deps.oldTokens.end(sub);
    await this.#deps.loggedOut(sub, actor);
  }

  /** Ends the login behind a refresh token, if it is one of `contract`. */
  async endByRefreshToken(contract: string, refreshToken: string, actor: Actor): Promise<void> {
    const old = await this.#deps.oldTokens.refresh(contract, refreshToken).catch((error: unknown) => {
      // It has ended already.
      if (isDomainError(error, 'invalid_token')) return null;
      throw error;
    });
    if (old) {
      await this.#deps.oldTokens.end(old.accountId);
      await this.#deps.loggedOut(old.accountId, actor);
      return;
    }
    const token = await this.#deps.live.current.RefreshToken.find(refreshToken);
    if (token?.clientId !== `${CONTRACT_CLIENT}${contract}` || !token.grantId || !token.accountId) return;
    await this.#deps.endGrant(token.grantId);
    await this.#deps.oldTokens.end(token.accountId);
    await this.#deps.loggedOut(token.accountId, actor);
  }
}

function tokenSet(accessToken: string, refreshToken: string): TokenSet {
  const { exp = 0, sub = '' } = decodeJwt(accessToken);
  return { accessToken, refreshToken, expiresAt: new Date(exp * 1000), accountId: sub };
}
