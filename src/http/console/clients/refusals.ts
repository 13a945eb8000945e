import { topicOf } from '../../../domain/refusal-advice.ts';
import type { ManagedClient } from '../../../domain/clients.ts';
import type { ExplainedRefusal } from '../../../domain/refusals.ts';
import type { ConsoleCall } from '../call.ts';
import type { MessageKey } from '../../pages/i18n.ts';

/** A refusal as shown on pages. */
export interface RefusalView extends ExplainedRefusal {
  /** Explanation and fix, in the operator's language. */
  why: MessageKey;
  /** Whether the request would be allowed now. */
  isOver: boolean;
}

/** Explains a refusal and its fix, in the operator's language. */
export const whyOf = (refusal: ExplainedRefusal): MessageKey => {
  const topic = topicOf(refusal);
  return topic === 'login_required:prompt'
    ? 'console.why.loginRequired'
    : topic === 'redirect_uri' && refusal.endpoint === 'token'
      ? 'console.why.redirectUriAgain'
      : SENTENCES[topic];
};

const SENTENCES = {
  'redirect_uri': 'console.why.redirectUri',
  'post_logout_redirect_uri': 'console.why.redirectUri',
  'client_id': 'console.why.clientId',
  'enabled': 'console.why.enabled',
  'allowed_groups': 'console.why.notAllowed',
  'client_secret': 'console.why.clientSecret',
  'client_assertion': 'console.why.clientAssertion',
  'token_endpoint_auth_method': 'console.why.authMethod',
  'client certificate': 'console.why.certificate',
  'Authorization': 'console.why.authorization',
  'code_challenge': 'console.why.pkce',
  'code_challenge_method': 'console.why.pkce',
  'code_verifier': 'console.why.codeVerifier',
  'code': 'console.why.code',
  'refresh_token': 'console.why.refreshToken',
  'device_code': 'console.why.deviceCode',
  'scope': 'console.why.scope',
  'resource': 'console.why.resource',
  'grant_type': 'console.why.grantType',
  'response_type': 'console.why.responseType',
  'Origin': 'console.why.origin',
  'DPoP': 'console.why.dpop',
  'Content-Type': 'console.why.contentType',
  'request_uri': 'console.why.requestUri',
  'login_required:prompt': 'console.why.loginRequired',
  'access_denied': 'console.why.accessDenied',
  'other': 'console.why.other',
} as const satisfies Record<ReturnType<typeof topicOf>, MessageKey>;

/** Whether the redirect URI of a refusal is registered now. */
const isAllowed = ({ parameter, value }: ExplainedRefusal, { metadata }: ManagedClient): boolean => {
  const known = metadata[`${parameter}s`];
  return Array.isArray(known) && value !== null && known.includes(value);
};

/** The latest refusals of a client, explained; those that would still be refused come first. */
export async function refusalsOf(call: ConsoleCall, client: ManagedClient): Promise<RefusalView[]> {
  const refusals = await call.services.refusals.ofClient(call.operator, client.id);
  const views = refusals.map((refusal): RefusalView => {
    const isOver = isAllowed(refusal, client) || (client.enabled && topicOf(refusal) === 'enabled');
    return { ...refusal, isOver, why: isOver ? 'console.why.over' : whyOf(refusal) };
  });
  return [...views.filter(({ isOver }) => !isOver), ...views.filter(({ isOver }) => isOver)];
}
