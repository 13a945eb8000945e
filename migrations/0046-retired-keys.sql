-- The public part of a signing key outlives the private one: ID tokens that it signed come back as hints.
alter table signing_keys alter column private_jwk drop not null;
