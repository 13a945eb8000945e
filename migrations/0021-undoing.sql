-- The address that an account had before the present one, which nobody has proven yet: until then it is the one that
-- counts, for reset and notices. {"email", "emailKey", "emailVerifiedAt", "ownerProvenAt", "at"}
alter table users add column moved_from jsonb;
create unique index users_moved_from on users ((moved_from ->> 'emailKey')) where moved_from is not null;

-- Links that take a change back, by the address that they bring back: it is kept for the account as long as one lives.
create index one_time_tokens_undo on one_time_tokens ((payload ->> 'emailKey')) where purpose = 'undo';

-- An account that its owner deleted is kept for some days, out of everybody's sight, in case it was not them. Its keys are
-- free at once.
alter table users drop constraint users_status_check;
alter table users add constraint users_status_check check (status in ('active', 'suspended', 'deleted'));
alter table users add column deleted_at timestamptz;
create index users_deleted_at on users (deleted_at) where deleted_at is not null;
