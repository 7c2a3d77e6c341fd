-- Where tenants live: on the data directory itself, or on one of the volumes that the settings name.
ALTER TABLE tenants ADD COLUMN volume TEXT NOT NULL DEFAULT 'data';
CREATE INDEX tenants_elsewhere ON tenants (volume) WHERE volume <> 'data';

-- The last move of each tenant. One that is open is finished or undone at the next start: before `moved` the tenant is on
-- the volume that it came from, from then on at the other one, and what is left of it at the first goes.
CREATE TABLE tenant_moves (
  tenant_id   TEXT PRIMARY KEY REFERENCES tenants (id),
  from_volume TEXT NOT NULL,
  to_volume   TEXT NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('copying', 'moved', 'done', 'failed')),
  files       INTEGER NOT NULL DEFAULT 0,
  bytes       INTEGER NOT NULL DEFAULT 0,
  sha256      TEXT,                         -- of the database, equal on both sides
  fenced_ms   INTEGER,                      -- how long writes waited
  error       TEXT,
  started_by  TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER
);
CREATE INDEX tenant_moves_open ON tenant_moves (tenant_id) WHERE status IN ('copying', 'moved');
