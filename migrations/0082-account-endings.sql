alter table users
  -- When an operator has it deleted; nobody gets in until then.
  add column deletes_at timestamptz,
  -- Whether that is why it is suspended: calling the deletion off lets its owner in again.
  add column suspended_by_deletion boolean not null default false,
  -- Whether the next sign-in with the password asks for another one.
  add column password_change_required boolean not null default false;
