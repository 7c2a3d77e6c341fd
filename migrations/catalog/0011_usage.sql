-- Every meter that was ever declared. How many digits it keeps and how it adds up never changes: what was counted so far
-- would come to something else.
CREATE TABLE meters (
  name        TEXT PRIMARY KEY,
  unit        TEXT NOT NULL,
  aggregation TEXT NOT NULL,
  scale       INTEGER NOT NULL,
  property    TEXT,
  declared_at INTEGER NOT NULL
);

-- What Tenantry itself counts (api.requests and the like), by quarters of an hour. A server writes its own row, and the
-- whole of it each time: written twice it counts once.
CREATE TABLE usage_sums (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  meter     TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  server    TEXT NOT NULL,                -- one run of one server
  quantity  INTEGER NOT NULL,             -- of storage and seats the most that there was
  latest    INTEGER,                      -- of those alone: how it stood at last, and stands until the next row
  PRIMARY KEY (tenant_id, meter, starts_at, server)
);
