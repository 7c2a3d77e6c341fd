-- In which session an act was done, beside by whom and from where.
ALTER TABLE audit_entries ADD COLUMN session TEXT NOT NULL DEFAULT '';

-- Heads of chains, signed. What a floor stands for was dropped when its time was over; the chain is checked from there on.
CREATE TABLE audit_checkpoints (
  chain      TEXT NOT NULL,
  seq        INTEGER NOT NULL,
  hash       TEXT NOT NULL,
  signed_at  INTEGER NOT NULL,
  checkpoint TEXT NOT NULL,                 -- statement, public key and signature as JSON
  in_ledger  INTEGER NOT NULL DEFAULT 0,
  is_floor   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (chain, seq)
) WITHOUT ROWID;
CREATE INDEX audit_checkpoints_by_time ON audit_checkpoints (signed_at, chain, seq) WHERE is_floor = 0;
CREATE INDEX audit_checkpoints_to_write ON audit_checkpoints (chain, seq) WHERE in_ledger = 0;

-- Chains with entries that no checkpoint covers yet: since when, and how many.
CREATE TABLE audit_unsigned (
  chain   TEXT PRIMARY KEY,
  due_at  INTEGER NOT NULL,
  entries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX audit_unsigned_by_time ON audit_unsigned (due_at);

-- Entries go with their tenant, or below a signed floor; in no other way.
CREATE TRIGGER audit_entries_stay BEFORE DELETE ON audit_entries
WHEN NOT EXISTS (SELECT 1 FROM audit_checkpoints AS floor
                 WHERE floor.chain = OLD.chain AND floor.is_floor = 1 AND floor.seq >= OLD.seq)
 AND NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.chain AND status IN ('erasing', 'provisioning'))
BEGIN
  SELECT RAISE(ABORT, 'an audit entry cannot be removed');
END;
CREATE TRIGGER audit_checkpoints_are_final BEFORE UPDATE OF chain, seq, hash, signed_at, checkpoint ON audit_checkpoints
BEGIN
  SELECT RAISE(ABORT, 'a checkpoint cannot be changed');
END;
CREATE TRIGGER audit_checkpoints_stay BEFORE DELETE ON audit_checkpoints
WHEN NOT EXISTS (SELECT 1 FROM audit_checkpoints AS floor
                 WHERE floor.chain = OLD.chain AND floor.is_floor = 1 AND floor.seq > OLD.seq)
 AND NOT EXISTS (SELECT 1 FROM tenants WHERE id = OLD.chain AND status IN ('erasing', 'provisioning'))
BEGIN
  SELECT RAISE(ABORT, 'a checkpoint cannot be removed');
END;
