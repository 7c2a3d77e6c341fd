-- Moves that an operator gives up before they are decided, and who did. The table is made anew for the two states.
DROP INDEX tenant_moves_open;
ALTER TABLE tenant_moves RENAME TO tenant_moves_before;
CREATE TABLE tenant_moves (
  tenant_id   TEXT PRIMARY KEY REFERENCES tenants (id),
  from_volume TEXT NOT NULL,
  to_volume   TEXT NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('copying', 'giving_up', 'moved', 'done', 'failed', 'given_up')),
  files       INTEGER NOT NULL DEFAULT 0,
  bytes       INTEGER NOT NULL DEFAULT 0,
  sha256      TEXT,                         -- of the database, equal on both sides
  fenced_ms   INTEGER,                      -- how long writes waited
  error       TEXT,
  started_by  TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  given_up_by TEXT,
  given_up_at INTEGER
);
INSERT INTO tenant_moves (tenant_id, from_volume, to_volume, status, files, bytes, sha256, fenced_ms, error, started_by, started_at,
    ended_at)
  SELECT tenant_id, from_volume, to_volume, status, files, bytes, sha256, fenced_ms, error, started_by, started_at, ended_at
  FROM tenant_moves_before;
DROP TABLE tenant_moves_before;
CREATE INDEX tenant_moves_open ON tenant_moves (tenant_id) WHERE status IN ('copying', 'giving_up', 'moved');
