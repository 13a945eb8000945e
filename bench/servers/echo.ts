/** Echoes JSON with Koa, @koa/router and koa-body: the cost of an endpoint on them before it does any work. */
import Router from '@koa/router';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import { serverSettings } from './settings.ts';

const { port } = serverSettings();
const router = new Router();
router.post('/echo', koaBody(), (ctx) => {
  ctx.body = ctx.request.body as object;
});
new Koa().use(router.routes()).listen(port, '127.0.0.1');
