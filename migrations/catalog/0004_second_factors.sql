-- When whoever holds the session last showed who they are: at sign-in, and again by stepping up. 0 for sessions that began
-- before this was kept.
ALTER TABLE sessions ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;

-- Whether the password has fewer characters than one without a second factor needs. The length itself is kept nowhere.
ALTER TABLE identities ADD COLUMN password_short INTEGER NOT NULL DEFAULT 0 CHECK (password_short IN (0, 1));

-- The time-based second factor (RFC 6238). Its secret is made of the seed
-- and a key that is kept outside the database: whoever has a copy of this file has no code.
CREATE TABLE second_factors (
  identity_id  TEXT PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
  seed         TEXT NOT NULL,                  -- hex
  last_step    INTEGER NOT NULL DEFAULT 0,     -- of the last code that was taken: no code counts twice
  created_at   INTEGER NOT NULL,
  confirmed_at INTEGER                         -- a factor counts once a first code proved that the device has it
);

-- For when the device is lost. Each counts once; only marks made with the same key are kept.
CREATE TABLE recovery_codes (
  identity_id TEXT NOT NULL REFERENCES second_factors (identity_id) ON DELETE CASCADE,
  mark        TEXT NOT NULL,
  used_at     INTEGER,
  PRIMARY KEY (identity_id, mark)
);

-- Tries of the second factor that went wrong, counted before each is looked at. Kept apart from the factor, so that
-- enrolling anew does not start afresh.
CREATE TABLE factor_failures (
  identity_id TEXT PRIMARY KEY REFERENCES identities (id) ON DELETE CASCADE,
  failures    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL
);

-- Whether members of the tenant need a second factor.
ALTER TABLE tenants ADD COLUMN second_factor_required INTEGER NOT NULL DEFAULT 0 CHECK (second_factor_required IN (0, 1));
