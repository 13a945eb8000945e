import type { Context, Middleware } from 'koa';
import { docsPaths } from '../endpoints/docs.ts';
import type { Contract } from './contract.ts';
import { createContractHandler, type ContractHandler, type HandlerDependencies } from './handler.ts';
import { contractRoute, type Mount } from './mounts.ts';
import { Routing } from '../endpoints/routing.ts';
import { type Route, routeOf, setRoute } from '../routes.ts';

interface Place extends Mount {
  handle: ContractHandler;
  /** Metric label of its requests. */
  route: Route;
}

const under = (path: string, base: string) => path === base || path.startsWith(`${base}/`);

/** The paths at the root that belong to a contract entirely, errors included: its base path, or its first segments. */
const ownedPaths = ({ basePath, operations }: Contract): string[] =>
  basePath === '' ? [...new Set(operations.map(({ path }) => `/${path.split('/')[1]}`))] : [basePath];

/** Answers requests for a contract by host, prefix or documented base URL; passes others on. */
export function createContracts({
  mounts,
  isOpen,
  ...guard
}: HandlerDependencies & {
  /** Of all contracts: whether one is open is checked at each request. */
  mounts: Mount[];
  isOpen(contract: string): boolean;
}): Middleware {
  const handlers = new Map(
    [...new Set(mounts.map(({ contract }) => contract))].map((contract) => [
      contract,
      createContractHandler(contract, guard),
    ]),
  );
  const places = mounts.map((mount): Place => {
    const { contract, prefix } = mount;
    return { ...mount, handle: handlers.get(contract)!, route: contractRoute(contract.name, prefix) };
  });
  const byHost = new Map(places.filter(({ host }) => host !== null).map((place) => [place.host, place]));
  const byPrefix = new Map(
    places.filter(({ prefix }) => prefix !== '').map((place) => [place.prefix, place]),
  );
  const atRoot = places
    .filter(({ host, prefix }) => host === null && prefix === '')
    .map((place) => ({
      place,
      routing: new Routing(place.contract),
      docs: docsPaths(place.contract),
      owned: ownedPaths(place.contract),
    }));

  /** Contracts may share a base path, so a matching operation takes precedence over a matching base path. */
  function findAtRoot(path: string): Place | undefined {
    const open = atRoot.filter(({ place: { contract } }) => isOpen(contract.name));
    const found =
      open.find(({ docs, routing }) => docs.has(path) || routing.has(path)) ??
      open.find(({ owned }) => owned.some((base) => under(path, base)));
    return found?.place;
  }

  function find(ctx: Context): Place | undefined {
    const hosted = byHost.size > 0 ? byHost.get(ctx.get('X-Forwarded-Host')) : undefined;
    if (hosted) return hosted;
    const { owner, claimable } = routeOf(ctx.req);
    if (owner !== 'contracts') return undefined;
    return claimable ? findAtRoot(ctx.path) : byPrefix.get(ctx.path.split('/', 3).join('/'));
  }

  return async (ctx, next) => {
    const place = find(ctx);
    if (!place || !isOpen(place.contract.name)) return next();
    setRoute(ctx.req, place.route);
    return place.handle(ctx, place.prefix, ctx.path.slice(place.prefix.length));
  };
}
