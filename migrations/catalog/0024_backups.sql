-- Which tenants were written since their last backup, so that "nothing to do" is one query (DESIGN 9).
CREATE TABLE tenant_backups (
  tenant_id TEXT PRIMARY KEY,
  writes    INTEGER NOT NULL,             -- counted up each time that somebody notices that the file was written
  covered   INTEGER NOT NULL DEFAULT 0,   -- up to which of them the last backup goes
  seen      TEXT NOT NULL DEFAULT '',     -- sizes and times of the file before it: after a crash they tell of writes that nobody noted
  error     TEXT                          -- why the last attempt failed
);
CREATE INDEX tenant_backups_due ON tenant_backups (tenant_id) WHERE writes <> covered;
CREATE INDEX tenant_backups_failed ON tenant_backups (tenant_id) WHERE error IS NOT NULL;

INSERT INTO tenant_backups (tenant_id, writes) SELECT id, 1 FROM tenants WHERE status <> 'erased';

-- What is in the store of backups. The manifests there are the truth; this is the index to them.
CREATE TABLE backups (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT,                      -- NULL: of the catalog
  is_whole     INTEGER NOT NULL,          -- else begun: what is found so at the next run is swept
  taken_at     INTEGER NOT NULL,
  epoch        INTEGER NOT NULL DEFAULT 0,
  system       INTEGER NOT NULL DEFAULT 0,
  app          INTEGER NOT NULL DEFAULT 0,
  change_seq   INTEGER NOT NULL DEFAULT 0,
  event_seq    INTEGER NOT NULL DEFAULT 0,
  size_bytes   INTEGER NOT NULL DEFAULT 0,
  stored_bytes INTEGER NOT NULL DEFAULT 0,
  sha256       TEXT NOT NULL DEFAULT '',
  files        INTEGER NOT NULL DEFAULT 0,
  file_bytes   INTEGER NOT NULL DEFAULT 0,
  keep_until   INTEGER,                   -- NULL: the newest of its tenant
  verified_at  INTEGER,                   -- when it was last restored to be looked at
  fault        TEXT                       -- what was found wrong then
);
CREATE INDEX backups_of_tenant ON backups (tenant_id, id);
CREATE INDEX backups_begun ON backups (id) WHERE is_whole = 0;
CREATE INDEX backups_to_prune ON backups (keep_until) WHERE keep_until IS NOT NULL;
CREATE INDEX backups_verified ON backups (verified_at) WHERE verified_at IS NOT NULL;

-- Erased tenants whose backups could not be removed yet.
CREATE TABLE backups_to_erase (
  tenant_id TEXT PRIMARY KEY,
  noted_at  INTEGER NOT NULL
);

CREATE TABLE backup_runs (
  id           TEXT PRIMARY KEY,
  status       TEXT NOT NULL CHECK (status IN ('running', 'done', 'failed', 'cut_off')),
  tenants      INTEGER NOT NULL DEFAULT 0,  -- that were written since
  stored       INTEGER NOT NULL DEFAULT 0,
  unchanged    INTEGER NOT NULL DEFAULT 0,
  failed       INTEGER NOT NULL DEFAULT 0,
  stored_bytes INTEGER NOT NULL DEFAULT 0,
  pruned       INTEGER NOT NULL DEFAULT 0,
  error        TEXT,
  started_by   TEXT NOT NULL,
  started_at   INTEGER NOT NULL,
  ended_at     INTEGER
);
