-- Operators who view as a person: asked for, begun, over.
create table impersonations (
  id uuid primary key,
  operator_id uuid not null references users (id) on delete cascade,
  subject_id uuid not null references users (id) on delete cascade,
  reason text not null,
  -- Whether the person is asked first, and what they said.
  asked boolean not null,
  approved boolean,
  -- SHA-256 of the token of the link that begins it.
  token_hash text unique,
  token_expires_at timestamptz,
  -- The operator's session, to which the browser goes back.
  operator_session text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  -- Until when it may begin; once it has begun, when it ends.
  expires_at timestamptz not null
);
create index impersonations_subject on impersonations (subject_id);
create index impersonations_operator on impersonations (operator_id);
create index impersonations_expiry on impersonations (expires_at);
create index impersonations_running on impersonations (started_at) where started_at is not null and ended_at is null;
