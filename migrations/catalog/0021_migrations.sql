-- What version each tenant's file has, as far as anybody has looked, so that "nothing to do" is one query (DESIGN 9).
CREATE TABLE tenant_versions (
  tenant_id      TEXT PRIMARY KEY REFERENCES tenants (id),
  state          TEXT NOT NULL CHECK (state IN ('known', 'migrating', 'failed', 'held')),
  system         INTEGER NOT NULL,          -- migrations of ours that it has; 0: nobody has looked
  app            INTEGER NOT NULL,          -- migrations of the app that it has
  fingerprint    TEXT NOT NULL,             -- SHA-256 of the app's part of its schema, in hex
  target         TEXT NOT NULL DEFAULT '',  -- digest of the migrations that failed: with others it is tried again
  error          TEXT,
  took_ms        INTEGER,
  snapshot       TEXT,                      -- name of the file that was copied before
  snapshot_until INTEGER,
  changed_at     INTEGER NOT NULL
);
CREATE INDEX tenant_versions_by_version ON tenant_versions (state, app, system);
CREATE INDEX tenant_versions_snapshots ON tenant_versions (snapshot_until) WHERE snapshot IS NOT NULL;

INSERT INTO tenant_versions (tenant_id, state, system, app, fingerprint, changed_at)
  SELECT id, 'known', 0, 0, '', created_at FROM tenants WHERE status <> 'erased';

-- Migrations of the fleet: one is open at a time.
CREATE TABLE migration_runs (
  id             TEXT PRIMARY KEY,
  status         TEXT NOT NULL CHECK (status IN ('running', 'halted', 'done', 'cancelled')),
  is_open        INTEGER NOT NULL,          -- running or halted
  stage          TEXT NOT NULL CHECK (stage IN ('canary', 'fleet')),
  system         INTEGER NOT NULL,          -- the versions that it leads to
  app            INTEGER NOT NULL,
  target         TEXT NOT NULL,
  parallel       INTEGER NOT NULL,
  halt_at        INTEGER NOT NULL,          -- errors in hundredths of a percent
  snapshot_bytes INTEGER,                   -- files up to this size are copied before; NULL: all
  canaries       INTEGER NOT NULL,          -- how many tenants go first
  migrated       INTEGER NOT NULL DEFAULT 0,
  failed         INTEGER NOT NULL DEFAULT 0,
  base           INTEGER NOT NULL DEFAULT 0,  -- both together when it was begun or resumed
  base_failed    INTEGER NOT NULL DEFAULT 0,
  reason         TEXT,                      -- why it was halted
  started_by     TEXT NOT NULL,
  started_at     INTEGER NOT NULL,
  ended_at       INTEGER
);
CREATE UNIQUE INDEX migration_runs_open ON migration_runs (is_open) WHERE is_open = 1;

-- Who goes first in the open run.
CREATE TABLE migration_canaries (
  run_id    TEXT NOT NULL REFERENCES migration_runs (id),
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (run_id, tenant_id)
);
CREATE INDEX migration_canaries_of_tenant ON migration_canaries (tenant_id);
