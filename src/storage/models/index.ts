/** Every model: importing this defines them all. */
import './api.ts';
import './audit-event.ts';
import './client.ts';
import './former-client-secret.ts';
import './signing-key.ts';
import './user.ts';

export { bindModels } from './define.ts';
