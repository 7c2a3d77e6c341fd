-- Roles that a tenant defined for itself, beside those of the installation.
CREATE TABLE tenant_roles (
  tenant_id   TEXT NOT NULL REFERENCES tenants (id),
  name        TEXT NOT NULL,
  permissions TEXT NOT NULL,                 -- names, with spaces between
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, name)
);

-- Identities are people, who sign in, or services, which only have API keys: without an address and a password.
CREATE TABLE identities_anew (
  id                TEXT PRIMARY KEY,
  kind              TEXT NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'service')),
  email             TEXT UNIQUE,             -- lower case
  name              TEXT NOT NULL,
  password_hash     TEXT,                    -- PHC string
  status            TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  operator          INTEGER NOT NULL DEFAULT 0 CHECK (operator IN (0, 1)),
  created_at        INTEGER NOT NULL,
  password_short    INTEGER NOT NULL DEFAULT 0 CHECK (password_short IN (0, 1)),
  email_verified_at INTEGER,
  CHECK ((kind = 'person') = (email IS NOT NULL) AND (kind = 'person') = (password_hash IS NOT NULL)),
  CHECK (kind = 'person' OR operator = 0)
);
INSERT INTO identities_anew (id, email, name, password_hash, status, operator, created_at, password_short, email_verified_at)
  SELECT id, email, name, password_hash, status, operator, created_at, password_short, email_verified_at FROM identities;
DROP TABLE identities;
ALTER TABLE identities_anew RENAME TO identities;
CREATE INDEX identities_operators ON identities (id) WHERE operator = 1;

-- Who owns a tenant can be asked; a program cannot.
CREATE TRIGGER memberships_no_service_owns_on_insert
AFTER INSERT ON memberships
WHEN NEW.role = 'owner' AND EXISTS (SELECT 1 FROM identities WHERE id = NEW.identity_id AND kind = 'service')
BEGIN
  SELECT RAISE(ABORT, 'service_cannot_own');
END;
CREATE TRIGGER memberships_no_service_owns_on_update
AFTER UPDATE OF role ON memberships
WHEN NEW.role = 'owner' AND EXISTS (SELECT 1 FROM identities WHERE id = NEW.identity_id AND kind = 'service')
BEGIN
  SELECT RAISE(ABORT, 'service_cannot_own');
END;
