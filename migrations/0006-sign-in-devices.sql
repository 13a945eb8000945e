-- What an account has been signed in with: its owner is told of something new.
create table sign_in_devices (
  account_id uuid not null references users (id) on delete cascade,
  -- SHA-256, base64url, of the source and the names of browser and system.
  device text not null,
  last_at timestamptz not null,
  primary key (account_id, device)
);
