import type { Context, Middleware } from 'koa';
import { docsPaths } from '../endpoints/docs.ts';
import type { Door } from './door.ts';
import { createDoorHandler, type DoorHandler, type GuardDependencies } from './guard.ts';
import { type Mount, openDoors } from './mounts.ts';
import { Routing } from '../endpoints/routing.ts';
import { type Route, routeOf, setRoute } from '../routes.ts';

interface Dependencies extends GuardDependencies {
  mounts: Mount[];
}

interface Place extends Mount {
  handle: DoorHandler;
  /** What its requests are counted as. */
  route: Route;
}

const under = (path: string, base: string) => path === base || path.startsWith(`${base}/`);

/** The paths under which everything at the root is a door's, errors included: its base path, or first segments. */
const ownedPaths = ({ basePath, operations }: Door): string[] =>
  basePath === '' ? [...new Set(operations.map(({ path }) => `/${path.split('/')[1]}`))] : [basePath];

/** Answers what belongs to a contract door, by host, by prefix or at its documented base URL; anything else goes on. */
export function createContracts({ mounts, ...guard }: Dependencies): Middleware {
  const { publicUrl, settings } = guard.services;
  for (const { door, urls } of openDoors(mounts, publicUrl))
    guard.logger.info(
      { urls, givesAway: door.givesAway(settings) },
      `the contract door ${door.name} is open`,
    );
  const handlers = new Map(
    [...new Set(mounts.map(({ door }) => door))].map((door) => [door, createDoorHandler(door, guard)]),
  );
  const places = mounts.map((mount): Place => {
    const { door, prefix } = mount;
    const route: Route = { prefix, owner: 'contracts', label: `contracts/${door.name}`, claimable: false };
    return { ...mount, handle: handlers.get(door)!, route };
  });
  const byHost = new Map(places.filter(({ host }) => host !== null).map((place) => [place.host, place]));
  const byPrefix = new Map(
    places.filter(({ prefix }) => prefix !== '').map((place) => [place.prefix, place]),
  );
  const atRoot = places
    .filter(({ host, prefix }) => host === null && prefix === '')
    .map((place) => ({
      place,
      routing: new Routing(place.door),
      docs: docsPaths(place.door),
      owned: ownedPaths(place.door),
    }));

  /** Two doors may share a base path: whose operation it is goes before whose base path it is. */
  function findAtRoot(path: string): Place | undefined {
    const found =
      atRoot.find(({ docs, routing }) => docs.has(path) || routing.has(path)) ??
      atRoot.find(({ owned }) => owned.some((base) => under(path, base)));
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
    if (!place) return next();
    setRoute(ctx.req, place.route);
    return place.handle(ctx, place.prefix, ctx.path.slice(place.prefix.length));
  };
}
