/** Every built-in contract, one per line. Add new ones here. */
export { cookie } from './cookie/index.ts';
export { flask } from './flask/index.ts';
export { gateway } from './gateway/index.ts';
export { keyed } from './keyed/index.ts';
export { ppl } from './ppl/index.ts';
