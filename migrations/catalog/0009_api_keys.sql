-- Keys of programs. A key acts for its holder in one tenant, and never with more than the holder may do.
CREATE TABLE api_keys (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  holder       TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  created_by   TEXT NOT NULL,                -- identity; another than the holder where that is a service
  name         TEXT NOT NULL,
  key_hash     TEXT NOT NULL,                -- SHA-256 of the whole key
  permissions  TEXT NOT NULL,                -- names, with spaces between
  created_at   INTEGER NOT NULL,
  expires_at   INTEGER,
  last_used_at INTEGER                       -- to some minutes
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at);
CREATE INDEX api_keys_by_holder ON api_keys (holder);
