-- What a client is to people, by how it gets tokens.
create function client_kind(metadata jsonb) returns text language sql immutable parallel safe
  return case
    when coalesce(metadata -> 'grant_types', '["authorization_code"]') ? 'authorization_code' then
      case
        when metadata ->> 'application_type' = 'native' then 'native'
        when metadata ->> 'token_endpoint_auth_method' = 'none' then 'spa'
        else 'web'
      end
    when metadata -> 'grant_types' ? 'urn:ietf:params:oauth:grant-type:device_code' then 'device'
    when metadata -> 'grant_types' = '[]' then 'gateway'
    else 'service'
  end;

alter table clients
  -- A client that is disabled gets nothing, and what it has counts for nothing meanwhile.
  add column enabled boolean not null default true,
  add column kind text generated always as (client_kind(metadata)) stored,
  -- Of the newest secret; null for one without an end.
  add column secret_expires_at timestamptz,
  -- To the minute.
  add column last_used_at timestamptz;

drop trigger clients_version on clients;
create trigger clients_version before update on clients for each row
  when (old.last_used_at is not distinct from new.last_used_at)
  execute function next_version();

-- Who has allowed a client something.
create index consents_client on consents (client_id, account_id);
