-- Replies to requests that came with an Idempotency-Key: for a day the same request gets the same reply, and nothing is done
-- again. A row is written in the transaction of what the request did.
create table idempotent_requests (
  -- HMAC-SHA-256 under SECRETS_KEY of the caller, the method, the path and the key.
  key text primary key,
  -- The same of the body.
  fingerprint text not null,
  -- The reply without its secrets, as JSON, encrypted under SECRETS_KEY: it tells of people.
  reply bytea not null,
  expires_at timestamptz not null
);
create index idempotent_requests_expires_at on idempotent_requests (expires_at);
