-- What accounts have beyond the profile, by the schema of this installation: {"<name>": <value>}.
alter table users add column attributes jsonb not null default '{}';
create index users_attributes on users using gin (attributes jsonb_path_ops) where attributes <> '{}';

-- The schema that was set here; one row at most.
create table attribute_schemas (
  id text primary key default 'accounts' check (id = 'accounts'),
  -- As text, because its order is that of forms.
  schema json not null,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create trigger attribute_schemas_version before update on attribute_schemas
  for each row execute function next_version();
