/** Every model: importing this defines them all. */
import './contracts.ts';
import './clients.ts';
import './coordination.ts';
import './settings.ts';
import './audit-event.ts';
import './branding.ts';
import './provider-records.ts';
import './sign-ins.ts';
import './observations.ts';
import './impersonation.ts';
import './old-tokens.ts';
import './origins.ts';
import './roles.ts';
import './tokens.ts';
import './outbox-message.ts';
import './factors.ts';
import './upstreams.ts';
import './user.ts';
import './webhook.ts';

export { bindModels } from './define.ts';
