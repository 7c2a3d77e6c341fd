-- Sign-ups whose address nobody has shown to read yet; there is no account before that. Each token carries what was given
-- with it: whoever confirms a letter gets the password that was chosen with that very letter.
CREATE TABLE sign_ups (
  token_hash    TEXT PRIMARY KEY,           -- SHA-256 of the token; `told ` before it where only a letter was sent
  id            TEXT NOT NULL,
  email         TEXT NOT NULL,
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL,              -- PHC string
  tenant_name   TEXT,
  tenant_slug   TEXT,
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER NOT NULL
);
CREATE INDEX sign_ups_by_email ON sign_ups (email, created_at);
CREATE INDEX sign_ups_by_end ON sign_ups (expires_at);
