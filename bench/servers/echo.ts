/** Koa, @koa/router and koa-body, sending back the JSON they get: what an endpoint on them costs before it does anything. */
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
