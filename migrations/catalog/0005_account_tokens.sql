-- What was sent by mail to prove an address: used once, and only for what it was sent for. Used ones are gone.
CREATE TABLE account_tokens (
  token_hash  TEXT PRIMARY KEY,             -- SHA-256 of the token; `replaced ` before it: no token has that
  purpose     TEXT NOT NULL,
  identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  email       TEXT NOT NULL,                -- to which it was sent
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL
);
CREATE INDEX account_tokens_by_identity ON account_tokens (identity_id, purpose);
CREATE INDEX account_tokens_by_end ON account_tokens (expires_at);

-- When a letter to the address was last answered by whoever reads it; NULL where none was.
ALTER TABLE identities ADD COLUMN email_verified_at INTEGER;
