-- What the imported password hashes of a source share and nobody may see: keys, peppers, signer keys.
create table password_hash_secrets (
  -- A MAC of what it says: hashes with the same secrets name the same row.
  id text primary key,
  -- Encrypted under SECRETS_KEY.
  secrets bytea not null,
  created_at timestamptz not null default now()
);
