import type { Context } from 'koa';
import type { Renderer } from '../../../src/http/pages/render.ts';
import type { ViewData, ViewName } from '../../../src/http/pages/views.ts';

/** A page as a person may see it. */
export interface Sample {
  view: ViewName;
  render(renderer: Renderer, ctx: Context): void;
}

export function sample<V extends ViewName>(view: V, data: ViewData<V>): Sample {
  return { view, render: (renderer, ctx) => renderer.render(ctx, view, data) };
}

export const account = { email: 'maria.keller@example.com', name: 'Maria Keller' };
export const form = { csrf: 'token', problems: [] };
export const client = {
  clientId: 'reports',
  clientName: 'Acme Reports',
  clientUri: 'https://reports.acme.example/',
  policyUri: 'https://reports.acme.example/privacy',
  tosUri: 'https://reports.acme.example/terms',
};
export const longNamed = {
  clientId: 'long',
  clientName: 'Donaudampfschifffahrtsgesellschaft Kapitänspatentverwaltung für Österreich und Süddeutschland',
};
