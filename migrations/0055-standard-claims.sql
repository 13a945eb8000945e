-- The rest of the standard claims (OpenID Connect Core section 5.1), as the owner of the account says them.
alter table users
  add column middle_name text,
  add column nickname text,
  add column profile text,
  add column picture text,
  add column website text,
  add column gender text,
  -- YYYY-MM-DD; the year may be 0000, or stand alone.
  add column birthdate text,
  add column zoneinfo text,
  -- E.164.
  add column phone_number text,
  add column phone_number_verified_at timestamptz,
  -- Members of the address claim (section 5.1.1), but for `formatted`.
  add column address jsonb;
