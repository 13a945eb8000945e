-- When the owner of an account was proven: one and the same person showed the mailbox and the password, or an operator
-- vouched for them. Null: what is set on the account may be a stranger's, who registered somebody else's address.
alter table users add column owner_proven_at timestamptz;
update users set owner_proven_at = coalesce(email_verified_at, created_at)
where email_verified_at is not null or exists (
  select from audit_events event
  where event.subject = users.id and event.type = 'user.created' and event.actor_kind in ('operator', 'system'));

-- What was set before a moment has to be told from what was set after it.
alter table recovery_codes add column created_at timestamptz not null default now();
