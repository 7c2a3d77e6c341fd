-- Files of tenants that are being put in the place of those in use (DESIGN 13). What was decided is finished at the next
-- start, what was not is removed.
CREATE TABLE tenant_swaps (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  epoch     INTEGER NOT NULL,   -- what the new file is stamped with
  decided   INTEGER NOT NULL,   -- whether the tenant is of that epoch already
  keep_as   TEXT,               -- name among the copies under which the file of before is kept; NULL: it is removed
  begun_at  INTEGER NOT NULL
);
