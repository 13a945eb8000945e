import type { Connection } from '../client/connection.ts';
import type { Operation } from '../load/measure.ts';
import type { Target } from '../client/target.ts';

/** Connections of every load. */
export const CONNECTIONS = 32;

/**
 * Prepares what one connection needs (a session, tokens) and returns the operation to measure. `index` is the number
 * of the connection, so that each can use its own person or client.
 */
export type Scenario = (target: Target, connection: Connection, index: number) => Promise<Operation>;

/** Endpoints of all compared servers. */
export const endpoints = {
  authorization: '/oauth2/authorize',
  token: '/oauth2/token',
  pushed: '/oauth2/par',
  device: '/oauth2/device_authorization',
  introspection: '/oauth2/introspect',
  userinfo: '/oauth2/userinfo',
  jwks: '/oauth2/jwks',
  discovery: '/.well-known/openid-configuration',
} as const;

/** The grant type of RFC 8628. */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
