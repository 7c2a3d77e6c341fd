-- Tenants that were made of another one's data: a clone for staging, or one that was restored beside. Whoever erases that
-- one erases its clones.
ALTER TABLE tenants ADD COLUMN copy_of TEXT REFERENCES tenants (id);
ALTER TABLE tenants ADD COLUMN is_clone INTEGER NOT NULL DEFAULT 0 CHECK (is_clone IN (0, 1));
-- When a clone is closed and erased by itself; NULL: it is kept.
ALTER TABLE tenants ADD COLUMN expires_at INTEGER;
CREATE INDEX tenants_copies ON tenants (copy_of) WHERE copy_of IS NOT NULL;
CREATE INDEX tenants_expiring ON tenants (expires_at) WHERE expires_at IS NOT NULL;
