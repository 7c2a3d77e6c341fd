-- Tenants that may have endpoints of webhooks: of others nothing is noted. Written before the first endpoint.
CREATE TABLE webhook_tenants (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  since     INTEGER NOT NULL
);

-- What happened in the catalog and is to be told to endpoints, on its way into the tenants' files.
CREATE TABLE webhook_events (
  seq       INTEGER PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  key       TEXT NOT NULL,      -- tells it from all others of the tenant
  type      TEXT NOT NULL,
  at        INTEGER NOT NULL,
  data      TEXT NOT NULL,      -- JSON
  UNIQUE (tenant_id, key)
);
