-- The catalog: people, tenants, who belongs where, and what was done. Ids are TEXT, times INTEGER milliseconds UTC,
-- booleans 0/1, JSON TEXT, so that another engine can hold it too.

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE identities (
  id            TEXT PRIMARY KEY,
  email         TEXT NOT NULL UNIQUE,          -- lower case
  name          TEXT NOT NULL,
  password_hash TEXT NOT NULL,                 -- PHC string
  status        TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  operator      INTEGER NOT NULL DEFAULT 0 CHECK (operator IN (0, 1)),
  created_at    INTEGER NOT NULL
);
CREATE INDEX identities_operators ON identities (id) WHERE operator = 1;

-- One row per sign-in; its refresh tokens are a family (DESIGN 6).
CREATE TABLE sessions (
  id             TEXT PRIMARY KEY,
  identity_id    TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  generation     INTEGER NOT NULL,             -- of the current refresh token, from 1
  token_hash     TEXT NOT NULL,                -- SHA-256 of the current refresh token
  previous_hash  TEXT,                         -- of the one before
  successor_used INTEGER NOT NULL DEFAULT 0,   -- whether anything of the current generation was ever used
  created_at     INTEGER NOT NULL,
  last_used_at   INTEGER NOT NULL,             -- when the refresh token was last rotated
  revoked_at     INTEGER,
  revoked_reason TEXT,
  user_agent     TEXT NOT NULL,
  address        TEXT NOT NULL
);
CREATE INDEX sessions_by_identity ON sessions (identity_id, created_at);
CREATE INDEX sessions_by_use ON sessions (last_used_at);

CREATE TABLE tenants (
  id             TEXT PRIMARY KEY,
  slug           TEXT NOT NULL UNIQUE,
  name           TEXT NOT NULL,
  status         TEXT NOT NULL CHECK (status IN ('provisioning', 'active', 'suspended', 'closing', 'erasing', 'erased')),
  before_closing TEXT,                         -- the status that reopening returns to
  plan           TEXT NOT NULL,
  plan_version   INTEGER NOT NULL,
  timezone       TEXT NOT NULL DEFAULT 'UTC',
  settings       TEXT NOT NULL DEFAULT '{}',
  engine         TEXT NOT NULL DEFAULT 'sqlite',   -- placement; the path follows from the id alone
  epoch          INTEGER NOT NULL,             -- stamped into the file; raised when it is moved or restored
  created_at     INTEGER NOT NULL,
  closed_at      INTEGER,
  erase_after    INTEGER
);
CREATE INDEX tenants_to_erase ON tenants (erase_after) WHERE status IN ('closing', 'erasing');
CREATE INDEX tenants_half_made ON tenants (created_at) WHERE status = 'provisioning';

-- Every slug ever used, so that none is given to another tenant.
CREATE TABLE tenant_slugs (
  slug      TEXT PRIMARY KEY,
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  since     INTEGER NOT NULL
);
CREATE INDEX tenant_slugs_by_tenant ON tenant_slugs (tenant_id);

CREATE TABLE memberships (
  tenant_id   TEXT NOT NULL REFERENCES tenants (id),
  identity_id TEXT NOT NULL REFERENCES identities (id) ON DELETE CASCADE,
  role        TEXT NOT NULL,
  status      TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, identity_id)
);
CREATE INDEX memberships_by_identity ON memberships (identity_id, tenant_id);

-- A tenant in use has an owner at every moment. Erasing removes all members, so it is let through.
CREATE TRIGGER memberships_keep_an_owner_on_update
AFTER UPDATE OF role, status ON memberships
WHEN OLD.role = 'owner' AND OLD.status = 'active'
 AND NOT EXISTS (SELECT 1 FROM memberships WHERE tenant_id = OLD.tenant_id AND role = 'owner' AND status = 'active')
 AND NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND status IN ('erasing', 'erased'))
BEGIN
  SELECT RAISE(ABORT, 'last_owner');
END;
CREATE TRIGGER memberships_keep_an_owner_on_delete
AFTER DELETE ON memberships
WHEN OLD.role = 'owner' AND OLD.status = 'active'
 AND NOT EXISTS (SELECT 1 FROM memberships WHERE tenant_id = OLD.tenant_id AND role = 'owner' AND status = 'active')
 AND NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.tenant_id AND status IN ('provisioning', 'erasing', 'erased'))
BEGIN
  SELECT RAISE(ABORT, 'last_owner');
END;

CREATE TABLE invitations (
  id          TEXT PRIMARY KEY,
  tenant_id   TEXT NOT NULL REFERENCES tenants (id),
  email       TEXT NOT NULL,
  role        TEXT NOT NULL,
  token_hash  TEXT NOT NULL UNIQUE,
  invited_by  TEXT NOT NULL,                   -- identity; the invitation dies with its right to grant the role
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER NOT NULL,
  accepted_at INTEGER,
  revoked_at  INTEGER
);
CREATE INDEX invitations_by_tenant ON invitations (tenant_id, created_at);
-- One open invitation per address and tenant.
CREATE UNIQUE INDEX invitations_open ON invitations (tenant_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX invitations_by_email ON invitations (email) WHERE accepted_at IS NULL AND revoked_at IS NULL;

CREATE TABLE plans (
  key        TEXT NOT NULL,
  version    INTEGER NOT NULL,
  title      TEXT NOT NULL,
  body       TEXT NOT NULL DEFAULT '{}',
  created_at INTEGER NOT NULL,
  PRIMARY KEY (key, version)
);
-- A published version is what customers agreed to.
CREATE TRIGGER plans_are_immutable BEFORE UPDATE ON plans
BEGIN
  SELECT RAISE(ABORT, 'a plan version cannot be changed; publish another');
END;

-- One chain of hashes per tenant, and one named installation.
CREATE TABLE audit_entries (
  chain     TEXT NOT NULL,                     -- tenant id, or installation
  seq       INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  actor     TEXT NOT NULL,
  action    TEXT NOT NULL,
  target    TEXT NOT NULL,
  address   TEXT NOT NULL,
  details   TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash      TEXT NOT NULL,
  PRIMARY KEY (chain, seq)
);
CREATE TRIGGER audit_entries_are_final BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'an audit entry cannot be changed');
END;

CREATE TABLE exports (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  status       TEXT NOT NULL CHECK (status IN ('queued', 'running', 'ready', 'failed', 'expired')),
  progress     INTEGER NOT NULL DEFAULT 0,     -- 0-100
  requested_by TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  finished_at  INTEGER,
  expires_at   INTEGER,
  size_bytes   INTEGER,
  sha256       TEXT,
  error        TEXT
);
CREATE INDEX exports_by_tenant ON exports (tenant_id, created_at);
CREATE INDEX exports_by_status ON exports (status, created_at);

-- The signed proofs. The same lines stand in the append-only ledger beside the backups.
CREATE TABLE erasures (
  tenant_id TEXT PRIMARY KEY,
  erased_at INTEGER NOT NULL,
  receipt   TEXT NOT NULL
);
