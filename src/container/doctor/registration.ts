import type { Config } from '../../config/index.ts';
import { type Finding, ok, warning } from './finding.ts';

/** Who may register clients. */
export function checkRegistration({ clientRegistration }: Config): Finding {
  if (!clientRegistration.open)
    return ok('registration', 'clients register with a token alone; postern registration-token create');
  return warning(
    'registration',
    'anybody may register a client under the policy "default"',
    'Set clientRegistration.open to false unless that is meant.',
  );
}
