-- Whether clients that no operator registered may ask for an API's scopes, and what a request without a scope asks for.
alter table apis
  add column dynamic_clients boolean not null default false,
  -- Null: all of its scopes.
  add column default_scopes text[];
