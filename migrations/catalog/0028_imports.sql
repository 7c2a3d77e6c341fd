-- Imports: exports on their way to become tenants of this installation. The zip files are in data/imports, each called
-- after its row; what has no row is swept.
CREATE TABLE imports (
  id             TEXT PRIMARY KEY,
  identity_id    TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,  -- who will own the tenant
  maker          TEXT NOT NULL CHECK (maker IN ('person', 'operator', 'console')),
  status         TEXT NOT NULL CHECK (status IN ('uploading', 'queued', 'running', 'previewed', 'ready', 'failed', 'expired')),
  apply          INTEGER NOT NULL DEFAULT 0 CHECK (apply IN (0, 1)),  -- whether a tenant is made, or only looked
  name           TEXT,                         -- of the tenant to be; the export's where none is given
  slug           TEXT,
  invite_members INTEGER NOT NULL DEFAULT 0 CHECK (invite_members IN (0, 1)),
  progress       INTEGER NOT NULL DEFAULT 0,
  attempts       INTEGER NOT NULL DEFAULT 0,
  size_bytes     INTEGER,
  sha256         TEXT,
  preview        TEXT,                         -- JSON
  error          TEXT,
  tenant_id      TEXT REFERENCES tenants (id), -- once it is in use
  created_at     INTEGER NOT NULL,
  finished_at    INTEGER,
  expires_at     INTEGER
);
CREATE INDEX imports_by_identity ON imports (identity_id, created_at);
CREATE INDEX imports_by_status ON imports (status, created_at);
CREATE INDEX imports_by_tenant ON imports (tenant_id);
