-- What was done for a request whose reply has not been sent, so far as is known: when the same request comes again it is
-- answered instead of refused. Gone once the reply was sent.
create table unanswered (
  -- HMAC-SHA-256 under SECRETS_KEY of what the request used up.
  key text primary key,
  account_id uuid not null references users (id) on delete cascade,
  -- When a request took it; -infinity when its reply could not be sent.
  claimed_at timestamptz not null,
  expires_at timestamptz not null
);
create index unanswered_account on unanswered (account_id);
create index unanswered_expires_at on unanswered (expires_at);
