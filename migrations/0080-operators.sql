-- Roles beside the ones that are always there. Their management permissions make operators of people and of service
-- accounts; their scopes are those of APIs that enforce roles.
create table roles (
  name text primary key,
  description text not null default '',
  permissions text[] not null default '{}',
  -- {"<identifier of the API>": ["<scope>", ...]}
  scopes jsonb not null default '{}',
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

insert into roles (name, description) values
  ('user', 'Every account'),
  ('admin', 'Administers accounts at the contracts');

create table groups (
  id uuid primary key,
  name text not null,
  -- What uniqueness is decided on: NFKC, case-folded.
  name_key text not null unique,
  description text not null default '',
  -- The roles that its members have.
  roles text[] not null default '{}',
  -- The directory that drives it over SCIM, and its id there; null for one that is kept here.
  source text,
  external_id text,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index groups_roles on groups using gin (roles);
create unique index groups_external_id on groups (source, external_id) where external_id is not null;

create table group_members (
  group_id uuid not null references groups (id) on delete cascade,
  account_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  primary key (group_id, account_id)
);
create index group_members_account on group_members (account_id);

create extension if not exists pg_trgm;

alter table users
  -- The roles of its groups: kept by the triggers below, so that reading an account reads them.
  add column group_roles text[] not null default '{}',
  -- Goes up with every change but a sign-in: what an ETag is made of.
  add column version integer not null default 1;

-- What any part of an address or a name is searched in.
create function user_search_text(email text, username text, name text, given_name text, family_name text)
  returns text language sql immutable parallel safe
  return lower(email || ' ' || coalesce(username, '') || ' ' || coalesce(name, '') || ' '
    || coalesce(given_name, '') || ' ' || coalesce(family_name, ''));
create index users_search on users
  using gin (user_search_text(email, username, name, given_name, family_name) gin_trgm_ops);
create index users_roles on users using gin (roles);
create index users_group_roles on users using gin (group_roles);
create index users_email_prefix on users (email_key text_pattern_ops, id);
create index users_username_prefix on users (username_key text_pattern_ops) where username_key is not null;
create index users_last_login_at on users (coalesce(last_login_at, '-infinity'::timestamptz), id);
create index contract_users_account_door on contract_users (account_id, door);
drop index contract_users_account;

alter table clients
  -- The roles of a service account.
  add column roles text[] not null default '{}',
  add column version integer not null default 1;
create index clients_roles on clients using gin (roles);

create function next_version() returns trigger language plpgsql as $$
begin
  new.version = old.version + 1;
  return new;
end $$;

create trigger roles_version before update on roles for each row execute function next_version();
create trigger groups_version before update on groups for each row execute function next_version();
create trigger clients_version before update on clients for each row execute function next_version();
-- A sign-in sets last_login_at, and may renew the hash of the same password.
create trigger users_version before update on users for each row
  when (
    old.last_login_at is not distinct from new.last_login_at
    and (old.password_hash is not distinct from new.password_hash
      or old.password_changed_at is distinct from new.password_changed_at)
  )
  execute function next_version();

-- Brings group_roles of accounts up to date. Their rows are locked first, in one order, so that of two changes at once
-- the second sees what the first has left.
create function refresh_group_roles(accounts uuid[]) returns void language plpgsql as $$
begin
  perform from users where id = any(accounts) order by id for no key update;
  update users set group_roles = found.roles
  from (
    select account.id, array(
      select distinct role
      from group_members member
      join groups on groups.id = member.group_id
      cross join unnest(groups.roles) role
      where member.account_id = account.id
      order by role
    ) as roles
    from unnest(accounts) account (id)
  ) found
  where users.id = found.id and users.group_roles is distinct from found.roles;
end $$;

-- A member gets the roles of the group as it is when both have committed: hence the lock on the group.
create function group_members_changed() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    perform from groups where id in (select group_id from changed) order by id for share;
  end if;
  perform refresh_group_roles(array(select distinct account_id from changed));
  return null;
end $$;
create trigger group_members_added after insert on group_members referencing new table as changed
  for each statement execute function group_members_changed();
create trigger group_members_removed after delete on group_members referencing old table as changed
  for each statement execute function group_members_changed();

create function group_roles_changed() returns trigger language plpgsql as $$
begin
  perform refresh_group_roles(array(
    select distinct member.account_id
    from group_members member
    join (
      select after.id from after join before on before.id = after.id
      where after.roles is distinct from before.roles
    ) moved on moved.id = member.group_id
  ));
  return null;
end $$;
create trigger groups_roles after update on groups
  referencing old table as before new table as after
  for each statement execute function group_roles_changed();

-- The first administrator becomes the owner. Others keep what `admin` means at the contracts, and that alone.
update users set roles = array_append(roles, 'owner')
where id = (
  select id from users where 'admin' = any(roles) and status = 'active' order by created_at, id limit 1
);
