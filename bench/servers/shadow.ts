/** `postern contract shadow` in front of a legacy service that also stands in for Postern: both answer at once. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Asking } from '../../src/cli/shadow/asking.ts';
import { Findings } from '../../src/cli/shadow/findings.ts';
import { createShadow } from '../../src/cli/shadow/proxy.ts';
import { gateway } from '../../src/http/contracts/gateway/index.ts';
import { serverSettings } from './settings.ts';

const [port] = (await once(new Worker(new URL('old.ts', import.meta.url)), 'message')) as [number];
const old = new URL(`http://127.0.0.1:${port}`);
const findings = new Findings();
const asking = new Asking({ postern: old.origin, apiKey: undefined, findings });
createShadow({ contract: gateway, old, asking, findings }).listen(serverSettings().port, '127.0.0.1');
