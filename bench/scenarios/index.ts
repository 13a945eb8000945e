import { jwt, jwtOfManyClients, opaque } from './client-credentials.ts';
import { codeFlow, pushedCodeFlow } from './code-flow.ts';
import { devicePolling } from './device-polling.ts';
import { discovery, jwks } from './documents.ts';
import { introspectJwt, introspectOpaque } from './introspection.ts';
import { hash, login } from './login.ts';
import { firstLogin, loginImported, oldLogin, verifyImported } from './login-imported.ts';
import { loginPasskey } from './login-passkey.ts';
import { loginTotp } from './login-totp.ts';
import { auditPages, bulk, lists, operatorPages, scimPages, userChange, userSearch } from './operators.ts';
import { accountPage, signInPage } from './pages.ts';
import { dpop, privateKeyJwt } from './proofs.ts';
import { refresh } from './refresh.ts';
import type { Scenario } from './scenario.ts';
import { sizeCodeFlow, sizeIntrospection, sizeLogin, sizeRefresh, sizeRevocation } from './size.ts';
import { tokenExchange } from './token-exchange.ts';
import { userinfo } from './userinfo.ts';
import { oldService } from './shadow.ts';
import { echo, validate } from './validate.ts';

export const scenarios = {
  'client-credentials-jwt': jwt,
  'client-credentials-jwt-5000-clients': jwtOfManyClients,
  'client-credentials-opaque': opaque,
  'refresh': refresh,
  'code-flow': codeFlow,
  'pushed-code-flow': pushedCodeFlow,
  'private-key-jwt': privateKeyJwt,
  'dpop': dpop,
  'device-polling': devicePolling,
  'token-exchange': tokenExchange,
  'introspection-opaque': introspectOpaque,
  'introspection-jwt': introspectJwt,
  'userinfo': userinfo,
  'jwks': jwks,
  'discovery': discovery,
  'validate': validate,
  'echo': echo,
  'login': login,
  'login-totp': loginTotp,
  'login-imported-bcrypt': loginImported('bcrypt'),
  'login-imported-argon2i': loginImported('argon2i'),
  'login-imported-scrypt': loginImported('scrypt'),
  'login-imported-pbkdf2': loginImported('pbkdf2'),
  'login-imported-ssha': loginImported('ssha'),
  'bcrypt': verifyImported('bcrypt'),
  'argon2i': verifyImported('argon2i'),
  'scrypt': verifyImported('scrypt'),
  'pbkdf2': verifyImported('pbkdf2'),
  'ssha': verifyImported('ssha'),
  'first-login': firstLogin,
  'old-login': oldLogin,
  'login-while-source-is-dead': login,
  'login-passkey': loginPasskey,
  'sign-in-page': signInPage,
  'account-page': accountPage,
  'argon2': hash,
  'user-search': userSearch,
  'audit-pages': auditPages,
  'lists': lists,
  'operator-pages': operatorPages,
  'scim-pages': scimPages,
  'user-change': userChange,
  'bulk': bulk,
  'tokens-alone': jwt,
  'tokens-beside-logins': jwt,
  'tokens-beside-lists': jwt,
  'tokens-beside-import': jwt,
  'size-login': sizeLogin,
  'size-refresh': sizeRefresh,
  'size-introspection': sizeIntrospection,
  'size-code-flow': sizeCodeFlow,
  'size-revocation': sizeRevocation,
  'old-service': oldService,
  'old-service-shadowed': oldService,
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;
