import type { Config } from '../../config/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secrets } from '../../core/secrets.ts';
import type { Attributes } from '../../domain/attributes/index.ts';
import { createCsrf, type Csrf } from './csrf.ts';
import { createFlashes, type Flashes } from './flash.ts';
import type { LookSource } from './looks.ts';
import { createRenderer, type Renderer } from './render.ts';

/** Tools of all pages, including those that the provider shows. */
export interface PageTools {
  renderer: Renderer;
  csrf: Csrf;
  flash: Flashes;
}

/** @throws StartupError when `brand.logo` is not an image that can be shown. */
export function createPageTools({
  config,
  secrets,
  clock,
  branding,
  attributes,
}: {
  config: Config;
  secrets: Secrets;
  clock: Clock;
  branding?: LookSource;
  attributes?: Pick<Attributes, 'list'>;
}): PageTools {
  const { publicUrl, production } = config;
  return {
    renderer: createRenderer({
      settings: config,
      publicUrl,
      production,
      ...(branding && { branding }),
      ...(attributes && { attributes: () => attributes.list() }),
    }),
    csrf: createCsrf({ secrets, publicUrl }),
    flash: createFlashes({ publicUrl, secrets, clock }),
  };
}
