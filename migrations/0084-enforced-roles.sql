alter table apis
  -- Whether a person's token has those of its scopes alone that the person's roles allow.
  add column enforce_roles boolean not null default false,
  add column version integer not null default 1;
create trigger apis_version before update on apis for each row execute function next_version();
