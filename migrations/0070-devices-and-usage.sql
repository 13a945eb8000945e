-- What a person signed in by a device code (RFC 8628). It goes with its grant.
create table device_sign_ins (
  id text primary key,
  grant_id text not null references oidc_grants (id) on delete cascade,
  -- The session whose grant the device shares and ends with; null for a device with a grant of its own.
  session_uid text,
  ip text,
  user_agent text,
  created_at timestamptz not null
);
create index device_sign_ins_grant on device_sign_ins (grant_id);

-- Who used a contract door is forgotten with the account, and after 400 days.
delete from contract_users where not exists (select from users where id = account_id);
alter table contract_users add foreign key (account_id) references users (id) on delete cascade;
create index contract_users_account on contract_users (account_id);
create index contract_users_day on contract_users (day);
