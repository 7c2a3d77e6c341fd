-- What the tenant may use, in one row: what is enforced. The catalog makes it anew where it is behind (DESIGN 13).
CREATE TABLE _entitlements (
  only_row   INTEGER PRIMARY KEY CHECK (only_row = 1),
  revision   INTEGER NOT NULL,   -- tenants.entitlements of the catalog
  body       TEXT NOT NULL,      -- JSON
  written_at INTEGER NOT NULL
);
