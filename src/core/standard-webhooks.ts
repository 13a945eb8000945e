/** Message signatures of Standard Webhooks 1.0.0. */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';

const PREFIX = 'whsec_';

/** Bytes of a secret. */
const LENGTH = { min: 24, made: 32, max: 64 };

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** A new secret, one for each receiver. */
export const newWebhookSecret = (): string => PREFIX + randomBytes(LENGTH.made).toString('base64');

/** Decodes a secret, `whsec_` and base64 of 24 to 64 bytes, to its key. Null when malformed. */
function keyOf(secret: string): Buffer | null {
  const encoded = secret.slice(PREFIX.length);
  if (!secret.startsWith(PREFIX) || !BASE64.test(encoded)) return null;
  const key = Buffer.from(encoded, 'base64');
  const isExact = key.toString('base64') === encoded;
  return isExact && key.length >= LENGTH.min && key.length <= LENGTH.max ? key : null;
}

export const isWebhookSecret = (secret: string): boolean => keyOf(secret) !== null;

/** The JSON Schema of a secret. */
export const WEBHOOK_SECRET_FORM = {
  minLength: 38,
  maxLength: 94,
  pattern: '^whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$',
};

/** One delivery attempt. */
interface Attempt {
  /** The message id, the same for every attempt. Contains no dot. */
  id: string;
  /** The time of this attempt in seconds since the epoch. Receivers reject one that is off by five minutes. */
  timestamp: number;
  /** The body, byte for byte as sent. */
  body: string;
}

/**
 * The headers of one attempt.
 * @param secrets each makes a signature; two during a rotation.
 * @throws Error when a secret is malformed.
 */
export function webhookHeaders(
  secrets: readonly string[],
  { id, timestamp, body }: Attempt,
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = keyOf(secret);
    if (!key) throw new Error('not a webhook secret');
    return `v1,${createHmac('sha256', createSecretKey(key)).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}
